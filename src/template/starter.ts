import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { packageFolder } from '../system/paths.js';

/** The text of a new template: what can be said, in comments, over the template that it extends. */
export function starterTemplate(name: string, base: string): string {
  const schema = pathToFileURL(join(packageFolder(), 'schema', 'template.json')).href;
  return `# yaml-language-server: $schema=${schema}
#
# The template "${name}". Open a project with it:  cw up PATH --template ${name}
# Check it after a change:  cw template validate ${name}
# All of it, with what it extends:  cw template show ${name}

description: My own, over ${base}

# Windows merge by name with those of this one; maps merge key by key; everything else replaces.
extends: ${base}

# Use it by itself for folders with this file (the highest priority wins; shipped ones go up to 100):
# detect:
#   priority: 110
#   any:
#     - file: my-marker.txt
#     - dependency: my-framework

# Values for \${name} in this file; "cw up --set port=4000" changes one.
# vars:
#   port: 3000

# Variables of all panes.
# env:
#   PORT: \${port}

# tmux's options of the session, and lines of scrollback.
# options:
#   mouse: "on"
# history_limit: 50000

# hooks:
#   before_create: ./scripts/start-database.sh
#   after_close: ./scripts/stop-database.sh

# windows:
#   - name: server
#     layout:                  # or a name of tmux: main-vertical, tiled, ...
#       columns:
#         - pane: 1
#           size: 60%
#         - 2
#     panes:
#       - run:                 # the first that can work here
#           - \${package_manager} run dev
#           - run: make serve
#             file: Makefile
#       - role: claude
#         worktree: 1          # the first worktree under .worktrees/, where there is one
#         run: claude
#   - name: logs
#     manual: true             # only with: cw up --window logs
#     panes:
#       - tail -F log/development.log
`;
}
