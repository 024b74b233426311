/** The commands about the account. */
export namespace CommandIDs {
  export const open = 'insighter:open-account';
  export const join = 'insighter:accept-invitation';
  export const signIn = 'insighter:sign-in';
  export const signOut = 'insighter:sign-out';
}
