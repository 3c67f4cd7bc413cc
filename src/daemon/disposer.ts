/** Everything with a lifetime, ended in the reverse order in which it was begun. */
export class Disposer {
  private readonly items: { readonly name: string; readonly dispose: () => void | Promise<void> }[] = [];
  private done: Promise<void> | null = null;

  /** @param failed is told of a disposal that throws; the others go on. */
  constructor(private readonly failed: (what: string, error: unknown) => void) {}

  /** @throws Error when the end has come already; the thing is then ended at once. */
  async add(name: string, dispose: () => void | Promise<void>): Promise<void> {
    if (this.done) {
      await this.end(name, dispose);
      throw new Error(`stopped before ${name} could be used`);
    }
    this.items.push({ name, dispose });
  }

  /** Ends all; a second call waits for the first. */
  dispose(): Promise<void> {
    this.done ??= this.run();
    return this.done;
  }

  private async run(): Promise<void> {
    for (const { name, dispose } of this.items.reverse()) await this.end(name, dispose);
  }

  private async end(name: string, dispose: () => void | Promise<void>): Promise<void> {
    try {
      await dispose();
    } catch (error) {
      this.failed(`ending ${name}`, error);
    }
  }
}
