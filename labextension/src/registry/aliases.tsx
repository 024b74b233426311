import { addIcon, closeIcon } from '@jupyterlab/ui-components';

import type { RegisteredModelDetail } from '../api';
import { IconButton } from '../components';
import { useHost, useMay } from '../pages/host';
import { useResource } from '../pages/resource';
import { Lock } from './gates';
import type { RegisteredModelModel } from './model';
import { askMove, takeOff } from './move';

/** An alias as a chip, with a padlock where it is protected. */
export function Chip(props: {
  alias: string;
  locked: boolean;
  title?: string;
  children?: React.ReactNode;
}): JSX.Element {
  return (
    <span className="jp-Insighter-Alias" title={props.title}>
      {props.locked && <Lock />}@{props.alias}
      {props.children}
    </span>
  );
}

/** The aliases of a version, as chips, to be taken off, and with a button to give it another. */
export function Aliases(props: {
  model: RegisteredModelModel;
  detail: RegisteredModelDetail;
  version: number;
  own: ReadonlyArray<string>;
}): JSX.Element {
  const { model, detail, version, own } = props;
  const host = useHost();
  const { trans } = host;
  const { value: board } = useResource(model.board);
  const mayChange = useMay(model.project, 'editor');
  return (
    <div className="jp-Insighter-Aliases">
      {own.map(name => (
        <Chip
          key={name}
          alias={name}
          locked={board?.aliases.some(each => each.alias === name && each.protected) ?? false}
        >
          {mayChange && (
            <IconButton
              icon={closeIcon}
              label={trans.__('Take the alias @%1 off version %2', name, version)}
              onClick={() => void takeOff(host, model, detail, name)}
            />
          )}
        </Chip>
      ))}
      {mayChange && (
        <IconButton
          icon={addIcon}
          label={trans.__('Give version %1 an alias', version)}
          onClick={() => void askMove(host, model, detail, { version })}
        />
      )}
    </div>
  );
}
