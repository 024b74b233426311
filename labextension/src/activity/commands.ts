/** The commands of the capability. */
export const CommandIDs = {
  open: 'insighter:open-activity',
  read: 'insighter:read-notifications'
} as const;
