import { codeIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { Button } from './button';
import { useUi } from './context';
import { CodeLine } from './copy';
import { IconButton } from './iconbutton';

/** A button of an empty state. */
export interface IEmptyAction {
  label: string;
  onClick: () => void;
}

/** What stands where nothing is yet: a sentence, a button, a line of code to copy. */
export function EmptyState(props: {
  text: string;
  action?: IEmptyAction;
  second?: IEmptyAction;
  code?: string;
}): JSX.Element {
  const { text, action, second, code } = props;
  return (
    <div className="jp-Insighter-EmptyState">
      <p>{text}</p>
      {action && (
        <div className="jp-Insighter-Buttons">
          <Button primary onClick={action.onClick}>
            {action.label}
          </Button>
          {second && <Button onClick={second.onClick}>{second.label}</Button>}
        </div>
      )}
      {code && <CodeLine code={code} />}
    </div>
  );
}

/** The same in a line, where several stand one below the other: how to do it in code is unfolded on demand. */
export function EmptyLine(props: {
  text: string;
  action?: IEmptyAction;
  hint: string;
  code: string;
  /** Whether it can be filled by whoever looks; else it only says that it is empty. */
  fillable: boolean;
}): JSX.Element {
  const { text, action, hint, code } = props;
  const { trans } = useUi();
  const [open, setOpen] = React.useState(false);
  if (!props.fillable) {
    return (
      <div className="jp-Insighter-EmptyLine">
        <div className="jp-Insighter-EmptyLine-line">{text}</div>
      </div>
    );
  }
  return (
    <div className="jp-Insighter-EmptyLine">
      <div className="jp-Insighter-EmptyLine-line">
        <span className="jp-Insighter-EmptyLine-text">{text}</span>
        {action && (
          <button type="button" className="jp-Insighter-Link" onClick={action.onClick}>
            {action.label}
          </button>
        )}
        <IconButton
          icon={codeIcon}
          label={open ? trans.__('Hide the code') : trans.__('How to do it in code')}
          expanded={open}
          onClick={() => setOpen(!open)}
        />
      </div>
      {open && (
        <>
          <p>{hint}</p>
          <CodeLine code={code} />
        </>
      )}
    </div>
  );
}
