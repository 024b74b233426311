import { Clipboard } from '@jupyterlab/apputils';
import { checkIcon, copyIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { useUi } from './context';
import { IconButton } from './iconbutton';

/** Copies a text, and says so. */
export function CopyButton(props: { text: string; label?: string }): JSX.Element {
  const { trans } = useUi();
  const [copied, setCopied] = React.useState(false);

  React.useEffect(() => {
    if (!copied) {
      return;
    }
    const timer = window.setTimeout(() => setCopied(false), 2000);
    return () => window.clearTimeout(timer);
  }, [copied]);

  return (
    <>
      <IconButton
        icon={copied ? checkIcon : copyIcon}
        label={copied ? trans.__('Copied') : (props.label ?? trans.__('Copy'))}
        onClick={() => {
          Clipboard.copyToSystem(props.text);
          setCopied(true);
        }}
      />
      <span className="jp-Insighter-hidden" role="status">
        {copied ? trans.__('Copied') : ''}
      </span>
    </>
  );
}

/** Code with a button that copies it. */
export function CodeLine(props: { code: string }): JSX.Element {
  return (
    <div className="jp-Insighter-CodeLine">
      <code tabIndex={0}>{props.code}</code>
      <CopyButton text={props.code} />
    </div>
  );
}
