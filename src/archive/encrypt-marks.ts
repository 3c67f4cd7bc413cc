/** How a file that `age` has encrypted begins. */
export const encryptedMark = 'age-encryption.org/v1\n';
/** The same written as text, by `age -a`. */
export const armourMark = '-----BEGIN AGE ENCRYPTED FILE-----';
