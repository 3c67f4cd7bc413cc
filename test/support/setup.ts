// The guard: no test may reach the user's own tmux server, home or settings. Each test makes its own (`sandbox`).
process.env.CW_TEST = '1';
process.env.CW_TMUX_SOCKET = '/nonexistent/no-test-may-use-the-default-server';
process.env.HOME = '/nonexistent/home';
delete process.env.TMUX;
delete process.env.TMUX_PANE;
for (const name of Object.keys(process.env)) {
  if (name.startsWith('XDG_') || name.startsWith('GIT_') || name.startsWith('CLAUDE'))
    delete process.env[name];
}
