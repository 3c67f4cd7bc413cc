import type { Survey } from '../survey/model.js';
import { shellWord } from '../system/paths.js';
import type { WorkspaceCheck } from './check.js';
import { since, span } from './words.js';

/** The checks that what is open would come back. */
export const savedChecks: readonly WorkspaceCheck[] = [
  {
    id: 'saved.snapshot',
    well: 'no save of it is due',
    look(workspace, { survey, limits }) {
      const { session, snapshot, snapshotUnknown, name } = workspace;
      const subject = 'saves';
      const fix = `Save it now: cw save ${shellWord(name)}`;
      if (snapshotUnknown !== null)
        return [{ level: 'unknown', subject, message: `could not be read: ${snapshotUnknown}`, fix: null }];
      const limit = limits.saveMinutes * 60_000;
      if (snapshot === null) {
        if (since(session?.createdAt, survey.at) <= Math.min(limit, firstSave)) return [];
        return [{ level: 'error', subject, message: 'it was never saved', fix }];
      }
      // A save in which nothing changed writes nothing: only what was shown since counts as not saved.
      const saved = newer(snapshot.at, lookedAt(survey));
      const unsaved = Math.min(since(saved, survey.at), since(saved, session?.activeAt ?? survey.at));
      if (unsaved <= limit) return [];
      const message = `the last save is ${span(since(saved, survey.at))} old, and it was used since`;
      return [{ level: 'warning', subject, message, fix }];
    },
  },
  {
    id: 'saved.rehearsal',
    well: 'no rehearsal of its restore is due',
    look({ rehearsal, session, name }, { survey, limits }) {
      const subject = 'rehearsal';
      const fix = `Rehearse it: cw verify ${shellWord(name)}`;
      if (rehearsal !== null && (rehearsal.equal < rehearsal.fields || rehearsal.problems > 0)) {
        const message = `the last one was not exact: ${rehearsal.equal} of ${rehearsal.fields} fields came back`;
        return [{ level: 'error', subject, message, fix: `See what differs: cw verify ${shellWord(name)}` }];
      }
      const limit = limits.rehearsalDays * 86_400_000;
      const passed = since(rehearsal?.at ?? session?.createdAt, survey.at);
      if (limit === 0 || passed <= limit) return [];
      const message =
        rehearsal === null ? `there was none in ${span(passed)}` : `the last one is ${span(passed)} old`;
      return [{ level: 'warning', subject, message, fix }];
    },
  },
];

/** Milliseconds after an opening until it must have been saved once; the daemon needs one second. */
const firstSave = 5 * 60_000;

/** When the daemon looked last whether anything had changed. */
function lookedAt({ saving }: Survey): string | null {
  return saving && saving.daemon === 'running' && saving.lastSaveError === null ? saving.lastSaveAt : null;
}

function newer(one: string, other: string | null): string {
  return other !== null && Date.parse(other) > Date.parse(one) ? other : one;
}
