/** The commands about endpoints. */
export namespace CommandIDs {
  export const deploy = 'insighter:deploy-model';
  export const open = 'insighter:open-deployment';
  export const start = 'insighter:start-deployment';
  export const stop = 'insighter:stop-deployment';
  export const remove = 'insighter:delete-deployment';
  export const copyAddress = 'insighter:copy-deployment-address';
}
