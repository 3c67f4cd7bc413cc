/**
 * The format of snapshots that this version writes. A newer one is refused, an older one is migrated. A field that may
 * be left out can come without a new number: who does not know it leaves it out (a file is only read or removed, never
 * written again). All else that an older reader would misunderstand or refuse needs one: a field that must be there,
 * another meaning, one more kind of program or reason.
 */
export const snapshotFormat = 1;
