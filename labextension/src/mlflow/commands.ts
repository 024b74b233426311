/** The commands about MLflow's own pages. */
export namespace CommandIDs {
  export const openMlflow = 'insighter:open-mlflow';
}
