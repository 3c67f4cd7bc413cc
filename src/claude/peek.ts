import { join } from 'node:path';
import { sessionFiles } from './adopt.js';
import { readStore } from './agent-store.js';
import type { ClaudeFacts } from './facts.js';
import type { Drained } from './intake.js';
import { ConversationRegistry, claudeStateFolder } from './registry.js';

/**
 * What is known of agents, without taking anything from the spool: for whoever has another who takes it (in the daemon
 * one does all the time, and is told what was new in it). Takes no lock and writes nothing.
 */
export function peek(
  registryFolder: string,
  facts: ClaudeFacts,
): Pick<Drained, 'agents' | 'registry' | 'files' | 'facts'> {
  const registry = new ConversationRegistry(registryFolder).state();
  const { agents } = readStore(join(claudeStateFolder(registryFolder), 'agents.json'));
  return { agents, registry, files: sessionFiles(facts, registry), facts };
}
