import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root, sandbox } from '../support/sandbox.js';
import { waitUntil } from '../support/wait.js';
import { needs, type Shell, shellPane, shells } from './pane.js';

/** The user's own start files: slow ones that throw away what is typed meanwhile, and leave traces of their order. */
const flush = `sleep 0.3; python3 -c 'import termios; termios.tcflush(0, termios.TCIFLUSH)' 2>/dev/null`;
const userFiles: Record<Shell, Record<string, string>> = {
  bash: {
    '.bash_profile': `echo profile >>~/order; export FROM_PROFILE=yes; . ~/.bashrc; ${flush}`,
    '.profile': 'echo wrong >>~/order',
    '.bashrc': `echo rc >>~/order; plain=5; alias greet='echo hello'; PS1='ready> '`,
  },
  zsh: {
    '.zshenv': 'echo env >>~/order; export ZDOTDIR=~/zsh',
    'zsh/.zprofile': 'echo profile >>~/order; export FROM_PROFILE=yes',
    'zsh/.zshrc': `echo rc >>~/order; plain=5; alias greet='echo hello'; PS1='ready> '; HISTFILE=$ZDOTDIR/history; ${flush}`,
    'zsh/.zlogin': 'echo login >>~/order',
  },
  fish: {
    '.config/fish/config.fish': `echo rc >>~/order; history >/dev/null; status is-login; and echo login >>~/order; set -gx FROM_PROFILE yes; set -g plain 5; alias greet 'echo hello'; function fish_prompt; echo 'ready> '; end; sleep 1; ${flush}`,
  },
  dash: {
    '.profile': 'echo profile >>~/order; export FROM_PROFILE=yes ENV=$HOME/.shrc',
    '.shrc': `echo rc >>~/order; plain=5; alias greet='echo hello'; PS1='ready> '; ${flush}`,
  },
};
const order: Record<Shell, string> = {
  bash: 'profile rc',
  zsh: 'env profile rc login',
  fish: 'rc login',
  dash: 'profile rc',
};
const statusOf: Record<Shell, string> = { bash: '$?', zsh: '$?', fish: '$status', dash: '$?' };

describe.each(shells)('%s', (shell) => {
  it('runs the command inside itself: Ctrl-Z, fg, quit, and the prompt stays', async ({ skip }) => {
    needs(skip, shell);
    const pane = shellPane(shell, 'greet $plain $FROM_PROFILE; sleep 1000', userFiles[shell]);
    // The command is the second of the list, so that the aliases and variables of the start files were there.
    await pane.runs('sleep');
    await pane.shows(/^hello 5 yes$/m);
    expect(pane.read('order').trim().split('\n').join(' ')).toBe(order[shell]);
    pane.keys('C-z');
    await pane.runs(shell);
    await pane.line('fg');
    await pane.runs('sleep');
    pane.keys('C-c');
    await pane.runs(shell);
    await pane.line('echo "still $plain here" >~/after');
    await waitUntil('the shell takes lines', () => pane.read('after') === 'still 5 here\n');
  });

  it('leaves nothing of ours behind, for the command and after it', async ({ skip }) => {
    needs(skip, shell);
    const pane = shellPane(
      shell,
      'env >~/during',
      { ...userFiles[shell] },
      shell === 'zsh' ? {} : { ZDOTDIR: '/own/zdotdir', XDG_DATA_DIRS: '/own/data:/usr/share' },
    );
    await waitUntil('the command has run', () => pane.read('during').includes('FROM_PROFILE'));
    await pane.line('set >~/set; env >~/later; echo done >~/done');
    await waitUntil('the line has run', () => pane.read('done') !== '');
    for (const file of ['during', 'later', 'set']) {
      const lines = pane
        .read(file)
        .split('\n')
        .filter((line) => !/^(CW_TMUX_SOCKET|CW_TEST|_|history|BASH_)/.test(line));
      expect(
        lines.filter((line) => /CW_|__cw|cw\.(bash|sh|fish)/.test(line)),
        file,
      ).toEqual([]);
      expect(
        lines.filter((line) => line.includes(join(root, 'shell'))),
        file,
      ).toEqual([]);
    }
    const variable = (name: string) => new RegExp(`^${name}=(.*)$`, 'm').exec(pane.read('later'))?.[1];
    if (shell === 'zsh')
      expect([variable('ZDOTDIR'), variable('XDG_DATA_DIRS')]).toEqual([
        join(pane.box.home, 'zsh'),
        undefined,
      ]);
    else
      expect([variable('ZDOTDIR'), variable('XDG_DATA_DIRS')]).toEqual([
        '/own/zdotdir',
        '/own/data:/usr/share',
      ]);
    if (shell === 'dash') expect(variable('ENV')).toBe(join(pane.box.home, '.shrc'));
  });

  it('runs any text exactly, and keeps it in the history', async ({ skip }) => {
    needs(skip, shell);
    const word = shell === 'fish' ? `'a  "b" \\\\ \\'c\\' ; $x * é☃'` : `'a  "b" \\ '\\''c'\\'' ; $x * é☃'`;
    const command = `printf '%s\\n' ${word} 'two\nlines' >~/out; sh -c 'exit 7'`;
    const pane = shellPane(shell, command, userFiles[shell]);
    const written = 'a  "b" \\ \'c\' ; $x * é☃\ntwo\nlines\n';
    await waitUntil('the command has run', () => pane.read('out') === written);
    // bash keeps $? over PROMPT_COMMAND: there it is not the command's.
    await pane.line(`echo "ended ${statusOf[shell]}" >~/ended`);
    await waitUntil('the line has run', () => pane.read('ended') !== '');
    expect(pane.read('ended')).toBe(shell === 'bash' ? 'ended 0\n' : 'ended 7\n');
    if (shell === 'dash') return; // it has no history
    await pane.line('rm ~/out');
    await waitUntil('the file is removed', () => pane.read('out') === '');
    // Up: over the two lines typed since, and Enter runs it again.
    await pane.runs(shell);
    pane.keys('Up');
    pane.keys('Up');
    pane.keys('Up');
    await pane.shows(/lines.*\n*.*out; sh -c 'exit 7'/);
    pane.keys('Enter');
    await waitUntil('the command has run again', () => pane.read('out') === written);
  });

  it('notes how the command ended, where it is asked to', async ({ skip }) => {
    needs(skip, shell);
    const box = sandbox();
    const ended = join(box.home, 'ended');
    const strict = shell === 'bash' || shell === 'zsh' ? '; set -uC' : '';
    const rc = Object.entries(userFiles[shell]).map(([name, text]) => [name, text + strict]);
    const pane = shellPane(shell, `env >~/during; sh -c 'exit 7'`, Object.fromEntries(rc), {
      CW_ENDED: ended,
    });
    const text = await waitUntil('it is noted', () => existsSync(ended) && readFileSync(ended, 'utf8'));
    expect(text).toMatch(/^7 \d\n$/);
    expect(pane.read('during')).not.toContain('CW_ENDED');
    await pane.line('set >~/set; env >~/later; echo done >~/done');
    await waitUntil('the line has run', () => pane.read('done') !== '');
    for (const file of ['set', 'later'])
      expect(pane.read(file).replace(/^_=.*/m, '')).not.toMatch(/CW_ENDED|__cw/);
  });

  it('is a plain shell without a command', async ({ skip }) => {
    needs(skip, shell);
    const pane = shellPane(shell, null, userFiles[shell]);
    await pane.shows('ready>');
    await pane.line('greet $plain $FROM_PROFILE');
    await pane.shows(/^hello 5 yes$/m);
  });
});

it('zsh: what the command printed stays in sight when its pane becomes narrower', async ({ skip }) => {
  needs(skip, 'zsh');
  const pane = shellPane('zsh', 'echo printed', { '.zshrc': `PS1='ready> '` });
  await pane.shows(/printed[\s\S]*ready>/);
  pane.box.tmux('resize-window', '-t', '=x:', '-x', '60');
  await pane.line('echo later');
  await pane.shows(/^printed\n[\s\S]*^later$/m);
});

describe('bash and PROMPT_COMMAND', () => {
  const hook = `hook() { echo "$? $(declare -p PROMPT_COMMAND)" >>~/hooks; }`;

  it.each([
    ['a string', `PROMPT_COMMAND='hook'`, 'declare -- PROMPT_COMMAND="hook"'],
    [
      'an array',
      `PROMPT_COMMAND=(hook 'echo "a  b" >>~/second')`,
      `declare -a PROMPT_COMMAND=([0]="hook" [1]="echo \\"a  b\\" >>~/second")`,
    ],
    ['exported, under set -u', `export PROMPT_COMMAND=hook; set -u`, 'declare -x PROMPT_COMMAND="hook"'],
    ['read-only', `readonly PROMPT_COMMAND=hook`, 'declare -r PROMPT_COMMAND="hook"'],
  ])('%s is put back, and runs as for each prompt', async (kind, setting, declared) => {
    const pane = shellPane('bash', `sh -c 'exit 7'`, { '.bashrc': `${hook}\n${setting}\n` });
    await waitUntil(
      'two prompts',
      () => pane.read('hooks').split('\n').length > (kind === 'read-only' ? 1 : 2),
    );
    await pane.line('echo done >~/done');
    await waitUntil('the line has run', () => pane.read('done') !== '');
    await waitUntil(
      'its prompt',
      () => pane.read('hooks').split('\n').length > (kind === 'read-only' ? 2 : 3),
    );
    const before = kind === 'read-only' ? [] : [`0 ${declared}`];
    expect(pane.read('hooks').trim().split('\n')).toEqual([
      ...before,
      ...(kind === 'read-only' ? [`0 ${declared}`] : [`7 ${declared}`]),
      `0 ${declared}`,
    ]);
    if (kind === 'an array') expect(pane.read('second')).toBe('a  b\na  b\na  b\n');
  });

  it('that changes itself at the first prompt keeps what it made of itself', async () => {
    // As bash-preexec does.
    const install = `install() { PROMPT_COMMAND='echo installed >>~/hooks'; }; PROMPT_COMMAND=install`;
    const pane = shellPane('bash', 'echo ran >>~/hooks', { '.bashrc': install });
    await waitUntil('the second prompt', () => pane.read('hooks') === 'ran\ninstalled\n');
  });

  it('loads what a hook of the prompt loads before the command runs', async () => {
    // As direnv does.
    const pane = shellPane('bash', 'echo "$LOADED" >~/out', {
      '.bashrc': `PROMPT_COMMAND='export LOADED=yes'`,
    });
    await waitUntil('the command has run', () => pane.read('out') === 'yes\n');
  });
});

describe('a start file that goes its own way', () => {
  it('zsh: hooks set anew, strict options, and preexec', async ({ skip }) => {
    needs(skip, 'zsh');
    const rc = `setopt nounset ksh_arrays; precmd_functions=(mine); mine() { print "prompt $?" >>~/hooks }; preexec() { print -r "run $1" >>~/hooks }`;
    const pane = shellPane('zsh', 'sh -c "exit 7"', { '.zshrc': rc });
    await waitUntil('two prompts', () => pane.read('hooks') === 'prompt 0\nrun sh -c "exit 7"\nprompt 7\n');
  });

  const successions = [
    ['bash', 'zsh'],
    ['bash', 'fish'],
    ['zsh', 'fish'],
  ] as const;
  const rcOf = { bash: '.bashrc', zsh: '.zshrc' };
  const quiet = { '.config/fish/config.fish': 'function fish_greeting; end', '.zshrc': '' };

  it.for(successions)('%s that execs %s: that one runs the command', async ([from, to], { skip }) => {
    needs(skip, from, to);
    const pane = shellPane(from, 'env >~/during; sleep 1000', { ...quiet, [rcOf[from]]: `exec ${to}\n` });
    await pane.runs('sleep');
    const ours = /^(CW_(?!TEST|TMUX)|ZDOTDIR|XDG_DATA_DIRS)|shell\/data/;
    expect(
      pane
        .read('during')
        .split('\n')
        .filter((line) => ours.test(line)),
    ).toEqual([]);
    pane.keys('C-z');
    await pane.line('fg', to);
    await pane.runs('sleep');
  });

  it.for(successions)('%s that starts %s: the command waits for the first', async ([from, to], { skip }) => {
    needs(skip, from, to);
    const pane = shellPane(from, 'echo ran >>~/out; sleep 1000', { ...quiet, [rcOf[from]]: `${to}\n` });
    await pane.line('exit', to);
    await pane.runs('sleep');
    expect(pane.read('out')).toBe('ran\n');
  });

  it('any other shell starts plain', async () => {
    const pane = shellPane('bash', 'echo ran >~/out', { '.bashrc': 'exec sh\n' });
    await pane.line('echo plain >~/plain', 'sh');
    await waitUntil('it takes lines', () => pane.read('plain') === 'plain\n');
    expect(pane.read('out')).toBe('');
  });

  it('sh: ENV is expanded, and is the user’s again', async ({ skip }) => {
    needs(skip, 'dash');
    const pane = shellPane('dash', 'echo "$ENV $own" >~/out', { '.shrc': 'own=5\n' }, { ENV: '$HOME/.shrc' });
    await waitUntil('the command has run', () => pane.read('out') === '$HOME/.shrc 5\n');
  });
});
