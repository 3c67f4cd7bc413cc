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
