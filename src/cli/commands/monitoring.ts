import { sideVerb } from './scratch.js';

export const verb = sideVerb('monitoring', 'A workspace that watches: processes, logs, agents.');
