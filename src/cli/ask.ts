import { createInterface } from 'node:readline';

/**
 * Asks a yes-or-no question on the terminal; Enter alone is `preset`. The question goes to standard error, since
 * standard output is the result's. Ctrl-C ends the program as everywhere (130), Ctrl-D is a no.
 */
export function ask(question: string, preset = false): Promise<boolean> {
  return new Promise((done) => {
    const prompt = createInterface({ input: process.stdin, output: process.stderr });
    let answer = '';
    prompt.on('SIGINT', () => {
      process.stderr.write('\n');
      process.exit(130);
    });
    prompt.on('close', () => done(/^\s*y(es)?\s*$/i.test(answer)));
    prompt.question(`${question} ${preset ? '[Y/n]' : '[y/N]'} `, (line) => {
      answer = line.trim() === '' && preset ? 'y' : line;
      prompt.close();
    });
  });
}

/**
 * Asks for a text that nobody shall read over the shoulder: nothing of it is shown. Ctrl-C ends the program (130).
 *
 * @returns null where nothing was typed, or Ctrl-D.
 */
export function askHidden(question: string): Promise<string | null> {
  const { stdin } = process;
  return new Promise((done) => {
    let typed = '';
    process.stderr.write(`${question} `);
    stdin.setRawMode(true);
    stdin.setEncoding('utf8');
    stdin.resume();
    const finish = (answer: string | null) => {
      stdin.off('data', take);
      stdin.setRawMode(false);
      stdin.pause();
      process.stderr.write('\n');
      done(answer === '' ? null : answer);
    };
    const take = (text: string) => {
      for (const character of text) {
        if (character === '\r' || character === '\n') return finish(typed);
        if (character === '\x04') return finish(null);
        if (character === '\x03') {
          stdin.setRawMode(false);
          process.stderr.write('\n');
          process.exit(130);
        }
        if (character === '\x7f' || character === '\b') typed = [...typed].slice(0, -1).join('');
        else if (character === '\x15') typed = '';
        else if (character >= ' ') typed += character;
      }
    };
    stdin.on('data', take);
  });
}
