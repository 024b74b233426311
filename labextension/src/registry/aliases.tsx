import { addIcon, closeIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { Button, ErrorNote, IconButton } from '../components';
import { useHost, useMay } from '../pages/host';
import type { RegisteredModelModel } from './model';

interface IAliasesProps {
  model: RegisteredModelModel;
  version: number;
  /** The aliases of this version. */
  own: ReadonlyArray<string>;
  /** All aliases of the model, and the versions they name. */
  all: Readonly<Record<string, number>>;
}

/** The aliases of a version, as chips, with a small field to give it another. */
export function Aliases({ model, version, own, all }: IAliasesProps): JSX.Element {
  const { trans, projects } = useHost();
  const [typed, setTyped] = React.useState<string | null>(null);
  const [error, setError] = React.useState<unknown>(null);
  const [busy, setBusy] = React.useState(false);
  const list = React.useId();
  const mayChange = useMay(model.project, 'editor');

  const act = async (action: () => Promise<void>): Promise<boolean> => {
    setBusy(true);
    setError(null);
    try {
      await action();
      void projects.refresh();
      return true;
    } catch (reason) {
      setError(reason);
      return false;
    } finally {
      setBusy(false);
    }
  };
  const save = async () => {
    const alias = (typed ?? '').trim().replace(/^@/, '');
    if (alias && (await act(() => model.setAlias(alias, version)))) {
      setTyped(null);
    }
  };
  const alias = (typed ?? '').trim().replace(/^@/, '');
  const before = all[alias];

  return (
    <div className="jp-Insighter-Aliases">
      {own.map(name => (
        <span key={name} className="jp-Insighter-Chip">
          @{name}
          {mayChange && (
            <IconButton
              icon={closeIcon}
              label={trans.__('Take the alias @%1 off version %2', name, version)}
              disabled={busy}
              onClick={() => void act(() => model.removeAlias(name))}
            />
          )}
        </span>
      ))}
      {!mayChange ? null : typed === null ? (
        <IconButton
          icon={addIcon}
          label={trans.__('Give version %1 an alias', version)}
          onClick={() => setTyped('')}
        />
      ) : (
        <form
          className="jp-Insighter-Aliases-form"
          onSubmit={event => {
            event.preventDefault();
            void save();
          }}
        >
          <input
            className="jp-mod-styled"
            aria-label={trans.__('Alias for version %1', version)}
            placeholder={trans.__('champion')}
            list={list}
            autoFocus
            spellCheck={false}
            value={typed}
            onChange={event => setTyped(event.target.value)}
            onKeyDown={event => {
              if (event.key === 'Escape') {
                event.stopPropagation();
                setTyped(null);
                setError(null);
              }
            }}
          />
          <datalist id={list}>
            {Object.keys(all)
              .filter(name => !own.includes(name))
              .map(name => (
                <option key={name} value={name} />
              ))}
          </datalist>
          <Button disabled={busy || !alias} onClick={() => void save()}>
            {before !== undefined && before !== version ? trans.__('Move from v%1', before) : trans.__('Set')}
          </Button>
          <IconButton
            icon={closeIcon}
            label={trans.__('Cancel')}
            onClick={() => {
              setTyped(null);
              setError(null);
            }}
          />
        </form>
      )}
      {error !== null && <ErrorNote error={error} />}
    </div>
  );
}
