/** Everything with a lifetime, ended in the reverse order in which it was begun. */
export class Disposer {
  private readonly items: { readonly name: string; readonly dispose: () => void | Promise<void> }[] = [];
  private done: Promise<void> | null = null;

  /** @param failed is told of a disposal that throws; the others go on. */
  constructor(private readonly failed: (what: string, error: unknown) => void) {}

  add(name: string, dispose: () => void | Promise<void>): void {
    if (this.done) throw new Error(`${name} began after the end`);
    this.items.push({ name, dispose });
  }

  /** Ends all; a second call waits for the first. */
  dispose(): Promise<void> {
    this.done ??= this.run();
    return this.done;
  }

  private async run(): Promise<void> {
    for (const { name, dispose } of this.items.reverse()) {
      try {
        await dispose();
      } catch (error) {
        this.failed(`ending ${name}`, error);
      }
    }
  }
}
