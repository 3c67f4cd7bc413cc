/** The format of snapshots that this version writes. A newer one is refused, an older one is migrated. */
export const snapshotFormat = 1;
