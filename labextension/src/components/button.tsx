import type * as React from 'react';

/** A button with words on it, in Jupyter's style; `primary` is the one thing to do here, `submit` sends its form. */
export function Button(props: {
  children: React.ReactNode;
  onClick?: () => void;
  primary?: boolean;
  submit?: boolean;
  disabled?: boolean;
  title?: string;
}): JSX.Element {
  return (
    <button
      type={props.submit ? 'submit' : 'button'}
      className={`jp-Insighter-Button${props.primary ? ' jp-mod-primary' : ''}`}
      disabled={props.disabled}
      title={props.title}
      onClick={props.onClick}
    >
      {props.children}
    </button>
  );
}
