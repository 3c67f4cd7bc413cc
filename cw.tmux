#!/bin/sh
# For tmux's plugin manager: set -g @plugin 'OWNER/claude-workspaces'. What `cw init tmux` writes into tmux.conf, for the
# server that runs. cw itself comes from npm.
PATH=$PATH:${0%/*}/bin
if commands=$(cw init tmux --print 2>/dev/null); then
  printf '%s\n' "$commands" | tmux source-file -
else
  tmux display-message 'cw is not installed: npm install -g claude-workspaces'
fi
