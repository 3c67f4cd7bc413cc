" Read by the vim that a template started (`vim --cmd 'if filereadable($CW_VIM)|...'`), so that a save of the workspace
" can ask for its session: buffers, splits, tabs and cursors. A vim that was started otherwise never reads this.
"
" Vim cannot listen. A `cat` does that for it, on the named pipe $CW_VIM_ASK, and wakes it when a line comes: there is
" no timer, and a vim that nobody asks does nothing. The `cat` has a terminal of its own (a pty) that is gone with
" vim, however that ends. A line is `session HEX` or `unsaved HEX`, the answer goes into $CW_VIM_ASK.HEX, which is
" there, and empty, for as long as somebody waits for it. No option, register, mark, undo step, message or variable
" of the user's is changed by it.

if has('nvim') || !has('job') || !has('channel') || !exists('v:vim_did_enter') || $CW_VIM_ASK ==# ''
  finish
endif

let s:cpo = &cpo
set cpo&vim

let s:pipe = $CW_VIM_ASK
" 1 while a session waits for the size that it was saved with, 2 while it is opened then.
let s:opening = 0

" What speaks against an answer now; empty: nothing.
function! s:Busy() abort
  if !v:vim_did_enter || s:opening || exists('g:SessionLoad')
    return 'it still opens its session'
  endif
  " A command line, a question, an operator; halfway in a mapping, in a completion, in a call that waits.
  if mode(1) =~# '^\([cr!]\|no\)' || (exists('*state') && state('maw') !=# '')
    return 'it waits for a key'
  endif
  return ''
endfunction

function! s:Session(file) abort
  let l:options = &sessionoptions
  let l:this = v:this_session
  try
    " Not `options`, which the user's own files set anew, and not `terminal`, which runs commands.
    noautocmd let &sessionoptions = 'blank,buffers,curdir,folds,help,tabpages,winsize'
    silent noautocmd execute 'mksession!' fnameescape(a:file)
  finally
    noautocmd let &sessionoptions = l:options
    let v:this_session = l:this
  endtry
  let l:first = printf('if exists("g:CwLater") && g:CwLater(expand("<sfile>:p"), %d, %d) | finish | endif', &columns, &lines)
  call writefile([l:first] + readfile(a:file, 'b'), a:file, 'b')
endfunction

function! s:Unsaved() abort
  return len(filter(getbufinfo(), 'v:val.changed && getbufvar(v:val.bufnr, "&buftype") ==# ""'))
endfunction

function! s:Asked(channel, line) abort
  let l:words = matchlist(a:line, '\C^\(session\|unsaved\) \(\x\+\)')
  if empty(l:words)
    return
  endif
  let l:answer = s:pipe . '.' . l:words[2]
  " Nobody waits for it any more.
  if !filewritable(l:answer)
    return
  endif
  let l:part = l:answer . '.part'
  try
    let l:busy = s:Busy()
    if l:busy !=# ''
      call writefile(['" ' . l:busy], l:part)
    elseif l:words[1] ==# 'session'
      call s:Session(l:part)
    else
      call writefile([s:Unsaved()], l:part)
    endif
  catch
    call writefile(['" it answered: ' . v:exception], l:part)
  endtry
  call rename(l:part, l:answer)
endfunction

" The first line of a session calls this. A pane that is brought back has its size a moment after its program has
" started, and splits that are made before would not be as they were: the rest waits for that, half a second at most.
function! s:Later(session, columns, lines) abort
  if s:opening || (&columns == a:columns && &lines == a:lines) || !has('timers')
    return 0
  endif
  let s:opening = 1
  let s:tries = 25
  call timer_start(20, function('s:Try', [a:session, a:columns, a:lines]), {'repeat': -1})
  return 1
endfunction

function! s:Try(session, columns, lines, timer) abort
  let s:tries -= 1
  if s:tries > 0 && (&columns != a:columns || &lines != a:lines)
    return
  endif
  call timer_stop(a:timer)
  let s:opening = 2
  try
    execute 'source' fnameescape(a:session)
  finally
    let s:opening = 0
  endtry
endfunction

let g:CwLater = function('s:Later')

" One that starts elsewhere has no pipe to listen on: it starts all the same.
try
  let s:job = job_start(
        \ ['/bin/sh', '-c', 'rm -f -- "$0"; umask 077; mkfifo "$0" && exec cat <>"$0"', s:pipe],
        \ {'pty': 1, 'out_cb': function('s:Asked'), 'stoponexit': 'kill'})
  " What is started from here is another's.
  unlet $CW_VIM $CW_VIM_ASK
catch
endtry

let &cpo = s:cpo
unlet s:cpo
