# The start file of a pane's fish: `fish -il -C 'source cw.fish'`, with the pane's command in CW_RUN. See cw.bash
# for the rules. Fish reads this after the user's own files. The command runs here and not in a handler of
# fish_prompt, since fish gives the terminal to no job of a handler; with full job control Ctrl-Z and fg work.

# A history of this pane's own. Fish keeps histories by name, in its own folder.
if test -n "$CW_HISTFILE"
    set -g fish_history cw_(string join _ (string split / $CW_HISTFILE)[-3] (string split / $CW_HISTFILE)[-1] | string replace -ra '[^A-Za-z0-9_]' _)
end
set -e CW_HISTFILE

if test -n "$CW_RUN"
    set -l __cw_run $CW_RUN
    # The line for the history, where another one is run.
    set -l __cw_line $CW_RUN
    set -q CW_LINE; and set __cw_line $CW_LINE
    # A file that is told how it ended, and after how many seconds.
    set -l __cw_ended $CW_ENDED
    set -e CW_RUN
    set -e CW_LINE
    set -e CW_ENDED
    set -e CW_PID

    # Into the history, as a line that another fish wrote: fish 3 has no builtin for it.
    set -l __cw_history fish
    set -q fish_history; and set __cw_history $fish_history
    if test -n "$__cw_history" -a -z "$fish_private_mode"
        set -l __cw_folder (test -n "$XDG_DATA_HOME"; and echo $XDG_DATA_HOME; or echo ~/.local/share)/fish
        # One line: \ as \\, a newline as \n.
        set -l __cw_text (string join '\n' (string replace -a \\ \\\\ -- $__cw_line))
        command mkdir -p -m 700 -- $__cw_folder
        and printf '%s cmd: %s\n  when: %s\n' - $__cw_text (command date +%s) >>$__cw_folder/{$__cw_history}_history
        and history merge
    end

    # What a typed line has around it: handlers of the prompt before (direnv loads its variables there) ...
    emit fish_prompt
    # (also where Ctrl-C ends this file early, job control is put back at the first true prompt)
    function __cw_after --on-event fish_prompt
        functions -e __cw_after
        status job-control interactive
    end
    emit fish_preexec $__cw_run
    status job-control full
    set -l __cw_began 0
    test -n "$__cw_ended"; and set __cw_began (command date +%s)
    eval $__cw_run
    set -l __cw_status $status
    if test -n "$__cw_ended"
        echo $__cw_status (math (command date +%s) - $__cw_began) >$__cw_ended 2>/dev/null
    end
    return $__cw_status
end
