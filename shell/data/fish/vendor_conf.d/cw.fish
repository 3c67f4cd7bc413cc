# A start file of bash or zsh has `exec`ed fish in a pane that has a command to run: begin anew, the right way.
# ../../../cw.bash says more; it lends this folder to XDG_DATA_DIRS. Any other fish is left alone.
if status is-interactive; and test -n "$CW_RUN" -a "$CW_PID" = "$fish_pid"
    set -l fish (status fish-path)
    set -gx XDG_DATA_DIRS (string replace -a -- "$CW_SHELL/data:" "" "$XDG_DATA_DIRS")
    if test -z "$CW_DATA_DIRS" -a "$XDG_DATA_DIRS" = /usr/local/share:/usr/share
        set -e XDG_DATA_DIRS
    end
    # bash lends its place to zsh too
    if test "$ZDOTDIR" = "$CW_SHELL/zsh"
        set -e ZDOTDIR
        test -n "$CW_ZDOTDIR"; and set -gx ZDOTDIR $CW_ZDOTDIR
    end
    set -l start "source "(string escape -- $CW_SHELL/cw.fish)
    set -e CW_PID CW_SHELL CW_ZDOTDIR CW_DATA_DIRS
    exec $fish -il -C $start
end
