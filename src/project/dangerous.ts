/**
 * Names of variables whose value makes some program run code, or another program run. A project's `.env.claude` sets
 * them only once it is trusted. Who reads each is said beside it; where a family keeps growing, the whole family counts.
 *
 * The list can never be complete (any program may have such a name), so it errs on the side of asking: a name that
 * *looks* like a hook (`..._COMMAND`, `..._PRELOAD`, `..._EDITOR`, ...) counts too.
 */
const names = new Set([
  // Where programs are found and what a path means.
  'PATH',
  'CDPATH', // cd goes elsewhere than it reads
  'HOME', // every start file and configuration of every program
  'SHELL', // tmux, editors and pagers start it
  'IFS', // how shells split words of their scripts
  'TMPDIR',
  // Read and run by shells at start or at each prompt.
  'ENV', // sh, dash, ksh
  'BASH_ENV',
  'BASHOPTS',
  'SHELLOPTS', // with xtrace, PS4 is expanded
  'PROMPT_COMMAND',
  'ZDOTDIR',
  'FPATH',
  'NULLCMD',
  'READNULLCMD',
  'HISTFILE', // what is typed is appended to any file
  'INPUTRC', // binds keys to shell commands
  // Prompts: bash and zsh expand $(...) in them.
  'PS0',
  'PS1',
  'PS2',
  'PS3',
  'PS4',
  'PROMPT',
  'RPROMPT',
  'RPS1',
  // Programs that other programs start.
  'EDITOR',
  'VISUAL',
  'FCEDIT',
  'PAGER',
  'MANPAGER',
  'MANOPT',
  'BROWSER',
  'SUDO_ASKPASS',
  'SSH_ASKPASS',
  'SSH_AUTH_SOCK', // an agent that sees what is signed
  'LESS', // may hold -o FILE, --lesskey-src
  'LESSOPEN', // less runs it for each file
  'LESSCLOSE',
  'LESSKEYIN',
  'LESSKEY',
  'MAKEFLAGS', // --eval
  'GNUMAKEFLAGS',
  'MAKEFILES',
  'CC',
  'CXX',
  'LD',
  'FZF_DEFAULT_COMMAND',
  'FZF_DEFAULT_OPTS', // --preview, --bind execute()
  'RIPGREP_CONFIG_PATH', // --pre runs a program
  'TERMINFO', // terminal descriptions are programs for the terminal
  'TERMINFO_DIRS',
  'TERMCAP',
  'TMUX',
  'TMUX_TMPDIR',
  'TMUX_PANE',
  // Editors.
  'VIMINIT',
  'EXINIT',
  'GVIMINIT',
  'MYVIMRC',
  'VIM',
  'VIMRUNTIME',
  'EMACSLOADPATH',
  'EMACSDATA',
  // Languages: code loaded at start, or where code is loaded from.
  'NODE_OPTIONS', // --require, --import
  'NODE_PATH',
  'NODE_REPL_EXTERNAL_MODULE',
  'BUN_INSPECT',
  'DENO_DIR',
  'PYTHONSTARTUP',
  'PYTHONPATH',
  'PYTHONHOME',
  'PYTHONINSPECT',
  'PYTHONBREAKPOINT', // breakpoint() calls it
  'PYTHONWARNINGS', // imports the modules that it names
  'PYTHONUSERBASE',
  'PYTHONPLATLIBDIR',
  'PYTHONEXECUTABLE',
  'VIRTUAL_ENV',
  'PERL5OPT',
  'PERL5LIB',
  'PERLLIB',
  'PERL5DB',
  'RUBYOPT', // -r
  'RUBYLIB',
  'RUBYSHELL',
  'BUNDLE_GEMFILE',
  'BUNDLE_PATH',
  'GEM_HOME',
  'GEM_PATH',
  'PHPRC',
  'PHP_INI_SCAN_DIR', // auto_prepend_file
  'COMPOSER_HOME',
  'LUA_INIT',
  'LUA_PATH',
  'LUA_CPATH',
  'R_PROFILE',
  'R_PROFILE_USER',
  'R_ENVIRON',
  'R_ENVIRON_USER',
  'JULIA_LOAD_PATH',
  'JULIA_DEPOT_PATH',
  'JAVA_TOOL_OPTIONS', // -javaagent
  'JDK_JAVA_OPTIONS',
  '_JAVA_OPTIONS',
  'JAVA_OPTS',
  'JAVA_HOME',
  'CLASSPATH',
  'MAVEN_OPTS',
  'MAVEN_ARGS',
  'GRADLE_OPTS',
  'GRADLE_USER_HOME',
  'ERL_FLAGS', // -eval
  'ERL_AFLAGS',
  'ERL_ZFLAGS',
  'ERL_LIBS',
  'ELIXIR_ERL_OPTIONS',
  'MIX_HOME',
  'MIX_ARCHIVES',
  'GOFLAGS', // -toolexec
  'GOENV',
  'GOROOT',
  'GOPROXY',
  'GONOSUMDB',
  'GOSUMDB',
  'RUSTC',
  'RUSTC_WRAPPER',
  'RUSTC_WORKSPACE_WRAPPER',
  'RUSTDOC',
  'RUSTFLAGS', // -C linker=
  'RUSTUP_TOOLCHAIN',
  'RUSTUP_HOME',
  'OPENSSL_CONF', // loads engines
  'OPENSSL_MODULES',
  'OPENSSL_ENGINES',
  'CMAKE_TOOLCHAIN_FILE',
  'PKG_CONFIG_PATH',
  // Where traffic goes, and whose certificates are believed: packages and credentials go through it.
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'ALL_PROXY',
  'NODE_TLS_REJECT_UNAUTHORIZED',
  'NODE_EXTRA_CA_CERTS',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'CURL_CA_BUNDLE',
  'CURL_HOME',
  'WGETRC',
  'NETRC',
  'ANTHROPIC_BASE_URL', // the account's key is sent there
  'ANTHROPIC_CUSTOM_HEADERS',
  // The account's other machines and containers.
  'DOCKER_HOST',
  'DOCKER_CONFIG',
  'KUBECONFIG', // users.exec runs a program
  'AWS_CONFIG_FILE', // credential_process runs a program
  'AWS_SHARED_CREDENTIALS_FILE',
]);

const families: readonly RegExp[] = [
  /^LD_/, // the loader of Linux: LD_PRELOAD, LD_AUDIT, LD_LIBRARY_PATH
  /^DYLD_/, // the loader of macOS
  /^_RLD/,
  /^GCONV_PATH$|^LOCPATH$|^NLSPATH$|^GLIBC_TUNABLES$|^MALLOC_/, // glibc loads modules from them
  /^GIT_/, // GIT_SSH_COMMAND, GIT_EXTERNAL_DIFF, GIT_CONFIG_*, GIT_DIR, ...
  /^BASH_FUNC_/, // functions that bash takes from its environment
  /^(npm|NPM|YARN|PNPM|BUN|COREPACK)_/i, // npm_config_script_shell, npm_config_node_options, registries
  /^(PIP|UV|POETRY|PIPENV|CONDA)_/, // indexes and plugins
  /^CARGO_/, // CARGO_TARGET_*_RUNNER, CARGO_BUILD_RUSTC_WRAPPER, aliases
  /^(DOTNET|COMPLUS|CORECLR|COR)_/, // DOTNET_STARTUP_HOOKS, profilers
  /^COMPOSER_/,
  /^BUNDLE_/,
  /^XDG_/, // where every program looks for its configuration
  /^CLAUDE_/, // CLAUDE_CONFIG_DIR holds hooks; CLAUDE_CODE_SHELL_PREFIX runs
  /^CW_/, // our own
  /^SYSTEMD_/, // SYSTEMD_PAGER, SYSTEMD_EDITOR
  /^(DIRENV|MISE|ASDF|PYENV|RBENV|NVM|VOLTA)_/, // version managers decide which program a name is
  // What looks like a hook.
  /_(COMMAND|CMD|PRELOAD|WRAPPER|EDITOR|PAGER|ASKPASS|SHELL|OPTIONS|OPTS|FLAGS|STARTUP|RUNNER|HOOK|HOOKS|PLUGIN|PLUGINS)$/,
];

/**
 * True for a name that can make programs run code. Case is ignored where programs do so (proxies) and where the check
 * would be evaded otherwise.
 */
export function isDangerousName(name: string): boolean {
  return names.has(name) || names.has(name.toUpperCase()) || families.some((family) => family.test(name));
}
