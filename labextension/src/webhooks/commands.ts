/** The commands about webhooks. */
export namespace CommandIDs {
  export const open = 'insighter:open-webhooks';
}
