import { describe, expect, it } from 'vitest';
import { looksSecret } from '../../src/blueprint/secrets.js';
import { isDangerousName } from '../../src/project/dangerous.js';

describe('names that can run code', () => {
  it.each([
    'PATH',
    'PROMPT_COMMAND',
    'ENV',
    'BASH_ENV',
    'ZDOTDIR',
    'LD_PRELOAD',
    'LD_LIBRARY_PATH',
    'DYLD_INSERT_LIBRARIES',
    'NODE_OPTIONS',
    'GIT_SSH_COMMAND',
    'GIT_CONFIG_COUNT',
    'PYTHONSTARTUP',
    'PERL5OPT',
    'RUBYOPT',
    'EDITOR',
    'VISUAL',
    'PAGER',
    'LESSOPEN',
    'SHELL',
    'IFS',
    'PS1',
    'BASH_FUNC_ls',
    'npm_config_script_shell',
    'JAVA_TOOL_OPTIONS',
    'CARGO_BUILD_RUSTC_WRAPPER',
    'XDG_CONFIG_HOME',
    'HOME',
    'CLAUDE_CONFIG_DIR',
    'ANTHROPIC_BASE_URL',
    'https_proxy',
    'MY_TOOL_COMMAND',
    'TMUX',
    'VIMINIT',
    'DOTNET_STARTUP_HOOKS',
    'CW_TMUX_SOCKET',
  ])('%s', (name) => expect(isDangerousName(name)).toBe(true));

  it.each([
    'API_URL',
    'DATABASE_URL',
    'PORT',
    'NODE_ENV',
    'DEBUG',
    'RAILS_ENV',
    'FEATURE_X',
    'OPENAI_API_KEY',
    'TZ',
    'LANG',
  ])('but not %s', (name) => expect(isDangerousName(name)).toBe(false));
});

describe('what looks like a secret', () => {
  it.each([
    ['API_KEY', 'x'],
    ['GITHUB_TOKEN', 'x'],
    ['db_password', 'x'],
    ['X', 'sk-ant-api03-abc'],
    ['DATABASE_URL', 'postgres://me:hunter2@host/db'],
    ['X', 'ghp_abcdef'],
    ['X', '-----BEGIN PRIVATE KEY-----\n'],
  ])('%s=%s', (name, value) => expect(looksSecret(name, value)).toBe(true));

  it.each([
    ['API_URL', 'http://localhost:3000'],
    ['KEYBOARD', 'us'],
    ['PORT', '3000'],
    ['API_KEY', ''],
    ['DATABASE_URL', 'postgres://host/db'],
    ['CLAUDE_CODE_TMUX_SESSION', '1'],
    ['PROJECT_ROOT', '/home/x'],
  ])('but not %s=%s', (name, value) => expect(looksSecret(name, value)).toBe(false));
});
