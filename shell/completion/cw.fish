# Completion of cw and claude-switch for fish: cw completion fish >~/.config/fish/completions/cw.fish
function __cw_complete
    set -l words (commandline -opc) (commandline -ct)
    for line in (cw completion words -- $words 2>/dev/null)
        switch $line
            case :files
                __fish_complete_path (commandline -ct)
            case :folders
                __fish_complete_directories (commandline -ct) ''
            case '*'
                printf '%s\n' $line
        end
    end
end
complete -c cw -f -a '(__cw_complete)'
complete -c claude-switch -f -a '(__cw_complete)'
