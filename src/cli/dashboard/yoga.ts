import { loadYoga, type Yoga } from 'yoga-layout/load';

/**
 * Stands for the package `yoga-layout` in the bundle of the dashboard (scripts/build.mjs): that one waits for its
 * WebAssembly while it is loaded, which a CommonJS bundle cannot. Here it is waited for once, before Ink is used.
 */
let loaded: Yoga | null = null;

export async function prepareYoga(): Promise<void> {
  loaded ??= await loadYoga();
}

export default new Proxy({} as Yoga, {
  get(_, key) {
    if (!loaded) throw new Error('yoga is used before it was loaded');
    return Reflect.get(loaded, key);
  },
});
