import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { ApiError } from '../api';
import { Button, errorText, ErrorNote, formatDuration, useUi } from '../components';

/** Fields of the forms about accounts, as errors name them. */
export type FieldName = 'email' | 'password' | 'code' | 'invitation' | 'display_name' | 'current';

/** An error that belongs to a field. */
export interface IFieldError {
  readonly field: FieldName;
  readonly text: string;
}

/** Which field an error of the server is about, by its code. */
const FIELD_BY_CODE: Readonly<Record<string, FieldName>> = {
  invalid_credentials: 'password',
  wrong_password: 'current',
  weak_password: 'password',
  invalid_email: 'email',
  account_exists: 'email',
  member_already: 'email',
  invited_already: 'email',
  code_invalid: 'code',
  invitation_needed: 'invitation',
  invitation_invalid: 'invitation',
  invalid_name: 'display_name'
};

/** How a form stands. */
export interface ISubmission {
  readonly busy: boolean;
  /** What is wrong, at its field. */
  readonly fieldError: IFieldError | null;
  /** What is wrong, where no field is to blame. */
  readonly error: ApiError | null;
  /** Seconds to wait before the next try; 0 when there is nothing to wait for. */
  readonly wait: number;
  readonly submit: (event?: React.FormEvent) => void;
  /** Something was typed: what was said of it before does not count any more. */
  readonly touched: (field: FieldName) => void;
}

/**
 * Submitting a form: one at a time, with its errors put to their fields and a pause where the server asks for one.
 *
 * @param fields - the form's fields, in their order.
 * @param check - what is wrong already before the server is asked.
 * @param action - asks the server.
 */
export function useSubmission(
  fields: ReadonlyArray<FieldName>,
  check: () => IFieldError | null,
  action: () => Promise<void>
): ISubmission {
  const [busy, setBusy] = React.useState(false);
  const [error, setError] = React.useState<ApiError | null>(null);
  const [fieldError, setFieldError] = React.useState<IFieldError | null>(null);
  const [until, setUntil] = React.useState(0);
  const wait = useCountdown(until);
  const here = React.useRef(true);
  React.useEffect(() => {
    here.current = true;
    return () => {
      here.current = false;
    };
  }, []);

  const run = async () => {
    setBusy(true);
    setError(null);
    try {
      await action();
    } catch (reason) {
      if (!here.current) {
        return;
      }
      const failed = ApiError.from(reason);
      const field = fieldOf(failed, fields);
      if (failed.retryAfter !== null) {
        setUntil(Date.now() + 1000 * failed.retryAfter);
      } else if (field) {
        setFieldError({ field, text: errorText(failed) });
      } else {
        setError(failed);
      }
    } finally {
      if (here.current) {
        setBusy(false);
      }
    }
  };

  return {
    busy,
    fieldError,
    error,
    wait,
    submit: event => {
      event?.preventDefault();
      event?.stopPropagation();
      if (busy || wait > 0) {
        return;
      }
      const wrong = check();
      setFieldError(wrong);
      if (!wrong) {
        void run();
      }
    },
    touched: field => {
      if (fieldError?.field === field) {
        setFieldError(null);
      }
    }
  };
}

function fieldOf(error: ApiError, fields: ReadonlyArray<FieldName>): FieldName | null {
  const { details } = error;
  const named = Array.isArray(details) ? (details[0] as Readonly<Record<string, unknown>>)?.['field'] : null;
  const field = FIELD_BY_CODE[error.code] ?? named;
  return fields.find(one => one === field) ?? null;
}

/** The whole seconds until a moment. */
function useCountdown(until: number): number {
  const [now, setNow] = React.useState(Date.now);
  const left = Math.max(0, Math.ceil((until - now) / 1000));
  React.useEffect(() => {
    setNow(Date.now());
    const timer = window.setInterval(() => {
      setNow(Date.now());
      if (Date.now() >= until) {
        window.clearInterval(timer);
      }
    }, 500);
    return () => window.clearInterval(timer);
  }, [until]);
  return left;
}

interface ITextFieldProps {
  label: string;
  name: FieldName;
  value: string;
  onChange: (value: string) => void;
  submission: ISubmission;
  type?: 'text' | 'email' | 'password';
  autoComplete: string;
  hint?: React.ReactNode;
  optional?: boolean;
  autoFocus?: boolean;
  maxLength?: number;
}

/** A labelled field with its error below it. */
export function TextField(props: ITextFieldProps): JSX.Element {
  const { name, submission, type = 'text', optional } = props;
  const { trans } = useUi();
  const id = React.useId();
  const input = React.useRef<HTMLInputElement>(null);
  const [shown, setShown] = React.useState(false);
  const error = submission.fieldError?.field === name ? submission.fieldError : null;

  React.useEffect(() => {
    if (error) {
      input.current?.focus();
    }
  }, [error]);

  return (
    <div className="jp-Insighter-Field">
      <label htmlFor={id}>
        {props.label}
        {optional && <span className="jp-Insighter-Quiet"> {trans.__('(optional)')}</span>}
      </label>
      <div className="jp-Insighter-Field-input">
        <input
          ref={input}
          id={id}
          name={name}
          className="jp-mod-styled"
          type={type === 'password' && shown ? 'text' : type}
          value={props.value}
          autoComplete={props.autoComplete}
          autoCapitalize="none"
          spellCheck={false}
          aria-required={!optional}
          autoFocus={props.autoFocus}
          maxLength={props.maxLength ?? 400}
          aria-invalid={error !== null}
          aria-describedby={
            [error && `${id}-error`, props.hint && `${id}-hint`].filter(Boolean).join(' ') || undefined
          }
          onChange={event => {
            submission.touched(name);
            props.onChange(event.target.value);
          }}
        />
        {type === 'password' && (
          <button
            type="button"
            className="jp-Insighter-Link"
            aria-pressed={shown}
            aria-label={trans.__('Show the password')}
            onClick={() => setShown(!shown)}
          >
            {shown ? trans.__('Hide') : trans.__('Show')}
          </button>
        )}
      </div>
      {error && (
        <div id={`${id}-error`} className="jp-Insighter-Field-error" role="alert">
          {error.text}
        </div>
      )}
      {props.hint && (
        <div id={`${id}-hint`} className="jp-Insighter-Field-hint">
          {props.hint}
        </div>
      )}
    </div>
  );
}

/** What a button says while one has to wait. */
export function waitLabel({ wait }: ISubmission, trans: TranslationBundle): string {
  return trans.__('Wait %1', formatDuration(1000 * wait));
}

/** A form's end: what is wrong with the whole, and the button that sends it. */
export function SubmitRow(props: {
  submission: ISubmission;
  label: string;
  busyLabel: string;
  disabled?: boolean;
  children?: React.ReactNode;
}): JSX.Element {
  const { submission, label, busyLabel } = props;
  const { trans } = useUi();
  return (
    <>
      {submission.error && <ErrorNote error={submission.error} />}
      {submission.wait > 0 && (
        <div className="jp-Insighter-Field-error" role="alert">
          {trans.__('Too many tries. What you typed stays: try again when the time is up.')}
        </div>
      )}
      <div className="jp-Insighter-Buttons">
        <Button primary submit disabled={submission.busy || submission.wait > 0 || props.disabled}>
          {submission.wait > 0 ? waitLabel(submission, trans) : submission.busy ? busyLabel : label}
        </Button>
        {props.children}
      </div>
    </>
  );
}
