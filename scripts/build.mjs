// Builds dist/ from src/ and templates/:
//
//   dist/cw.cjs            the launcher of verbs (src/cw.ts)
//   dist/<room>.<file>-<build>.cjs   one bundle for each of our files that is imported dynamically
//   dist/templates.json    the shipped templates, checked and compiled
//   dist/version           the version, for a launcher without Node
//
// CommonJS, because Node starts a .cjs sooner than an .mjs. A verb loads its own bundle and nothing else; libraries
// are bundled where they are used. The names of the bundles carry the build's fingerprint and dist/cw.cjs is renamed
// into place last: a cw that runs while a build ends goes on with the bundles it began with, and several builds at
// once, or a failed one, leave a whole dist behind.
import { createHash, randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const dist = join(root, 'dist');
const inputs = ['src', 'templates', 'package.json', 'package-lock.json', 'scripts/build.mjs'];
/** Bundles of earlier builds are kept this long for those who still run them, in milliseconds. */
const keepOldBundles = 60 * 60 * 1000;

// Read by every Node, also one too old for the rest of the file: plain ES5.
const oldNode = `(function () {
  var v = process.versions.node.split('.');
  if (v[0] < 20 || (v[0] == 20 && v[1] < 19)) {
    process.stderr.write('cw needs Node 20.19 or newer, and the "node" on your PATH is ' + process.versions.node +
      '.\\n  Install a newer one (https://nodejs.org, or: nvm install --lts), then try again.\\n');
    process.exit(1);
  }
})();`;
const importMeta = `var __importMetaUrl = require('url').pathToFileURL(__filename).href;`;

/**
 * Builds when the inputs changed since the last build.
 *
 * @returns the milliseconds it took, or null when dist was up to date.
 */
export async function build({ force = false } = {}) {
  const started = performance.now();
  const fingerprint = fingerprintOf(inputs);
  if (!force && isBuilt(fingerprint)) return null;

  const id = fingerprint.slice(0, 8);
  const work = join(root, 'dist', `.build-${process.pid}-${randomBytes(3).toString('hex')}`);
  mkdirSync(work, { recursive: true });
  try {
    const files = await bundleAll({ 'src/cw.ts': 'cw.cjs' }, id);
    for (const [name, text] of files) writeFileSync(join(work, name), text);
    const templates = await compileTemplates(work);
    if (templates !== null) writeFileSync(join(work, 'templates.json'), templates);
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    writeFileSync(join(work, 'version'), `${version}\n`);
    writeFileSync(join(work, 'fingerprint'), `${fingerprint}\n`);

    // The bundles first, then what names them, then the word that all is there.
    const last = ['cw.cjs', 'fingerprint'];
    const order = readdirSync(work).sort((a, b) => last.indexOf(a) - last.indexOf(b));
    for (const name of order) renameSync(join(work, name), join(dist, name));
    sweep([...files.keys()]);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return performance.now() - started;
}

/** A hash over the names and contents of all inputs. Times tell less: a checkout can bring an older file. */
function fingerprintOf(paths) {
  const hash = createHash('sha256');
  const add = (path) => {
    const full = join(root, path);
    const stat = statSync(full, { throwIfNoEntry: false });
    if (stat?.isDirectory()) {
      for (const name of readdirSync(full).sort()) add(join(path, name));
    } else if (stat?.isFile()) {
      hash.update(`${path}\0${stat.size}\0`).update(readFileSync(full));
    }
  };
  for (const path of paths) add(path);
  return hash.digest('hex');
}

function isBuilt(fingerprint) {
  try {
    return (
      readFileSync(join(dist, 'fingerprint'), 'utf8').trim() === fingerprint &&
      existsSync(join(dist, 'cw.cjs'))
    );
  } catch {
    return false; // never built
  }
}

/** Bundles the entries, then every file of ours that they import dynamically, until there is no new one. */
async function bundleAll(entries, id) {
  const { build: esbuild } = await import('esbuild');
  const done = new Map();
  let todo = new Map(Object.entries(entries));
  const seen = new Set(todo.keys());
  while (todo.size > 0) {
    const found = new Map();
    await Promise.all(
      [...todo].map(async ([entry, name]) => {
        const result = await esbuild({
          absWorkingDir: root,
          entryPoints: [entry],
          bundle: true,
          write: false,
          logLevel: 'silent',
          format: 'cjs',
          platform: 'node',
          // Its main file requires its parts in a way that cannot be bundled.
          alias: { 'jsonc-parser': 'jsonc-parser/lib/esm/main.js' },
          // The launcher is lowered so far that any Node can read it and say that it is too old.
          target: name === 'cw.cjs' ? 'node12' : 'node20.19',
          minifyWhitespace: true,
          minifySyntax: true,
          legalComments: 'none',
          charset: 'utf8',
          supported: { 'dynamic-import': false },
          define: {
            'import.meta.url': '__importMetaUrl',
            'import.meta.filename': '__filename',
            'import.meta.dirname': '__dirname',
          },
          banner: { js: name === 'cw.cjs' ? oldNode + importMeta : importMeta },
          plugins: [ownBundles(id, found)],
        });
        done.set(name, result.outputFiles[0].text);
      }),
    );
    todo = new Map([...found].filter(([path]) => !seen.has(path)));
    for (const path of todo.keys()) seen.add(path);
  }
  return done;
}

/** Makes `import('./x.js')` of one of our own files a `require` of a bundle of its own, and notes it as an entry. */
function ownBundles(id, found) {
  return {
    name: 'own-bundles',
    setup(setup) {
      setup.onResolve({ filter: /^\.\.?\// }, (args) => {
        if (args.kind !== 'dynamic-import' || !args.importer.startsWith(join(root, 'src'))) return undefined;
        const path = resolve(args.resolveDir, args.path).replace(/\.js$/, '.ts');
        if (!existsSync(path)) return { errors: [{ text: `There is no ${relative(root, path)}.` }] };
        const name = `${relative(join(root, 'src'), path).replace(/\.ts$/, '').replaceAll('/', '.')}-${id}.cjs`;
        found.set(relative(root, path), name);
        return { path: `./${name}`, external: true };
      });
    },
  };
}

/** The text of templates.json, or null as long as there is nothing that compiles templates. */
async function compileTemplates(work) {
  const source = join(root, 'src/template/compile.ts');
  if (!existsSync(source)) {
    process.stderr.write(
      'build: src/template/compile.ts does not exist, so there is no dist/templates.json.\n',
    );
    return null;
  }
  // Two folders below the root, like every file of src/<room>: what looks for the package's folder finds it.
  const name = 'compile-templates.cjs';
  const bundles = await bundleAll({ 'src/template/compile.ts': name }, 'compile');
  for (const [file, text] of bundles) {
    writeFileSync(join(work, file), text.replace('__filename', JSON.stringify(join(dist, file))));
  }
  const { compileShippedTemplates } = createRequire(import.meta.url)(join(work, name));
  const compiled = await compileShippedTemplates();
  for (const file of bundles.keys()) rmSync(join(work, file));
  return typeof compiled === 'string' ? compiled : `${JSON.stringify(compiled)}\n`;
}

/** Takes away bundles of earlier builds that nobody runs any more, and what a killed build left. */
function sweep(current) {
  // What is packed for npm holds this build alone.
  const packing = process.env.npm_lifecycle_event === 'prepack';
  const old = packing ? Number.POSITIVE_INFINITY : Date.now() - keepOldBundles;
  for (const name of readdirSync(dist)) {
    const path = join(dist, name);
    if (current.includes(name) || !/^(\.build-.*|.*-[0-9a-f]{8}\.cjs)$/.test(name)) continue;
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat && stat.mtimeMs < old) rmSync(path, { recursive: true, force: true });
  }
}

/** What esbuild or a template says of a failed build, one line a fault. */
export function describeFailure(error) {
  if (!Array.isArray(error?.errors))
    return error?.isCwError ? error.message : (error?.stack ?? String(error));
  return error.errors
    .map(({ text, location }) =>
      location ? `${location.file}:${location.line}:${location.column + 1}  ${text}` : text,
    )
    .join('\n');
}

if (process.argv[1] && import.meta.url === pathToFileURL(resolve(process.argv[1])).href) {
  try {
    const took = await build({
      force: process.argv.includes('--force') || process.env.npm_lifecycle_event === 'prepack',
    });
    process.stderr.write(took === null ? 'dist is up to date\n' : `built dist in ${Math.round(took)} ms\n`);
  } catch (error) {
    process.stderr.write(`The build failed; dist is as it was.\n${describeFailure(error)}\n`);
    process.exitCode = 1;
  }
}
