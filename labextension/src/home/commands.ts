/** The commands of the capability. */
export const CommandIds = {
  open: 'insighter:open-home',
  search: 'insighter:search-assets',
  openAsset: 'insighter:open-asset',
  pin: 'insighter:pin-asset',
  unpin: 'insighter:unpin-asset'
} as const;
