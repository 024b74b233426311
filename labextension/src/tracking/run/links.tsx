import type { RunDetail } from '../../api';
import { Button, CopyButton } from '../../components';
import { useHost, useMay, useRevision } from '../../pages/host';
import { useOwnResource } from '../../pages/resource';
import { CommandIDs } from '../commands';
import type { RunModel } from '../model';
import { Nothing } from './pairs';

/** Commands of other capabilities. */
const OPEN_DATASET = 'insighter:open-dataset';
const OPEN_MODEL = 'insighter:open-model';

/** What a run read, and the models it made. */
export function Links({ model, run }: { model: RunModel; run: RunDetail }): JSX.Element {
  const { trans, commands } = useHost();
  const { project } = model;
  const revision = useRevision();
  const [, { value: links }] = useOwnResource(
    () => model.links(run),
    [run.id, ...run.inputs.map(({ digest }) => digest), ...run.models].join(' '),
    revision
  );
  const mayChange = useMay(project, 'editor');
  const inContext = run.inputs.some(({ context }) => context);
  return (
    <>
      <h2 className="jp-Insighter-Heading">{trans.__('Datasets it read')}</h2>
      {run.inputs.length === 0 ? (
        <Nothing text={trans.__('None was recorded.')} code='ix.datasets.load("wine")' />
      ) : (
        <table className="jp-Insighter-Table">
          <thead>
            <tr>
              <th scope="col">{trans.__('Dataset')}</th>
              <th scope="col">{trans.__('Digest')}</th>
              {inContext && <th scope="col">{trans.__('Context')}</th>}
            </tr>
          </thead>
          <tbody>
            {run.inputs.map(({ name, digest, context }, index) => (
              <tr key={`${name} ${digest} ${context}`}>
                <th scope="row">
                  {links?.inputs[index] ? (
                    <button
                      type="button"
                      className="jp-Insighter-Link"
                      title={trans.__('Open the dataset')}
                      onClick={() => void commands.execute(OPEN_DATASET, { project, name })}
                    >
                      {`${name} v${links.inputs[index]}`}
                    </button>
                  ) : (
                    name
                  )}
                </th>
                <td>
                  <code>{digest}</code>
                </td>
                {inContext && <td>{context}</td>}
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <h2 className="jp-Insighter-Heading">{trans.__('Models it logged')}</h2>
      {run.models.length === 0 ? (
        <Nothing
          text={trans.__('None. Log one to register and deploy it.')}
          code='mlflow.sklearn.log_model(model, name="model")'
        />
      ) : (
        <ul className="jp-Insighter-Models">
          {run.models.map(id => (
            <li key={id}>
              <code>{id}</code>
              <CopyButton text={id} label={trans.__('Copy the model’s id')} />
              {links?.versions
                .filter(({ model_id }) => model_id === id)
                .map(({ name, version }) => (
                  <button
                    key={`${name} ${version}`}
                    type="button"
                    className="jp-Insighter-Link"
                    title={trans.__('Open the registered model')}
                    onClick={() => void commands.execute(OPEN_MODEL, { project, name })}
                  >
                    {`${name} v${version}`}
                  </button>
                ))}
              {mayChange && (
                <Button
                  onClick={() =>
                    void commands.execute(CommandIDs.registerModel, { project, run: run.id, model: id })
                  }
                >
                  {trans.__('Register…')}
                </Button>
              )}
            </li>
          ))}
        </ul>
      )}
    </>
  );
}
