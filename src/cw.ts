import { program } from './app.js';
import { main } from './cli/main.js';

// All output is written by the time that main is done, and whatever a command left open must not hold its exit.
void main(program, process.argv.slice(2)).then((code) => process.exit(code));
