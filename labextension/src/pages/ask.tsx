import { Dialog } from '@jupyterlab/apputils';
import { ReactWidget } from '@jupyterlab/ui-components';
import { type ISignal, Signal } from '@lumino/signaling';
import * as React from 'react';

import { asError } from '../api';
import { ErrorNote, UiProvider, type IUi } from '../components';

/** A question that is a form. */
export interface IQuestion<V, T> {
  title: string;
  /** The word on the button that does it; it can depend on what is filled in. */
  accept: string | ((value: V) => string);
  /** Whether it destroys something. */
  warn?: boolean;
  /** Whether Enter cancels: for what is destroyed without anything to be typed in first. */
  careful?: boolean;
  initial: V;
  form: (value: V, change: (value: V) => void) => JSX.Element;
  /** Do it; what it throws is shown in the form, which stays as it was filled in. */
  submit: (value: V) => Promise<T>;
  ui: IUi;
}

/** Ask, do what was asked for, and give its outcome; null when the question was cancelled. */
export async function ask<V, T>(question: IQuestion<V, T>): Promise<T | null> {
  const dialog = new FormDialog(question);
  const { button } = await dialog.launch();
  return button.accept ? dialog.outcome : null;
}

interface IState<V> {
  readonly value: V;
  readonly error: Error | null;
  readonly busy: boolean;
}

class FormDialog<V, T> extends Dialog<V> {
  constructor(question: IQuestion<V, T>) {
    const body = new FormBody(question);
    const { accept } = question;
    const label = typeof accept === 'string' ? accept : accept(question.initial);
    super({
      title: question.title,
      body,
      buttons: [
        Dialog.cancelButton({ label: question.ui.trans.__('Cancel') }),
        question.warn ? Dialog.warnButton({ label }) : Dialog.okButton({ label })
      ],
      defaultButton: question.careful ? 0 : 1,
      focusNodeSelector: 'input, select, textarea'
    });
    this._form = body;
    this._question = question;
    this.addClass('jp-Insighter-Ask');
    if (typeof accept !== 'string') {
      body.changed.connect(() => {
        const word = this.node.querySelector('.jp-mod-accept .jp-Dialog-buttonLabel');
        const label = accept(body.state.value);
        if (word && word.textContent !== label) {
          word.textContent = word.ariaLabel = label;
        }
      });
    }
  }

  outcome: T | null = null;

  /** Whoever has to sign in meanwhile does so inside. In a text area Enter begins a line, which `Dialog` would swallow; with Ctrl or ⌘ it accepts. */
  override handleEvent(event: Event): void {
    if (
      event instanceof KeyboardEvent &&
      event.key === 'Enter' &&
      event.target instanceof Element &&
      event.target.closest('.jp-Insighter-SignIn')
    ) {
      return; // it sends the form in the form
    }
    if (
      event instanceof KeyboardEvent &&
      event.type === 'keydown' &&
      event.key === 'Enter' &&
      event.target instanceof HTMLTextAreaElement
    ) {
      event.stopPropagation();
      if (event.ctrlKey || event.metaKey) {
        event.preventDefault();
        this.resolve(1);
      }
      return;
    }
    super.handleEvent(event);
  }

  /** Closes only when it was done. */
  override resolve(index?: number): void {
    if (index === 0) {
      super.resolve(index);
      return;
    }
    const field = this.node.querySelector<HTMLInputElement>(
      'input:invalid, select:invalid, textarea:invalid'
    );
    if (field) {
      field.focus();
      field.reportValidity();
    } else if (!this._form.state.busy) {
      void this._submit();
    }
  }

  private async _submit(): Promise<void> {
    const { value } = this._form.state;
    this._form.set({ value, error: null, busy: true });
    try {
      this.outcome = await this._question.submit(value);
    } catch (reason) {
      const error = asError(reason);
      this._form.set({ value: this._form.state.value, error, busy: false });
      return;
    }
    super.resolve(1);
  }

  private readonly _form: FormBody<V, T>;
  private readonly _question: IQuestion<V, T>;
}

class FormBody<V, T> extends ReactWidget {
  constructor(private readonly question: IQuestion<V, T>) {
    super();
    this.state = { value: question.initial, error: null, busy: false };
  }

  state: IState<V>;

  set(state: IState<V>): void {
    if (!this.isDisposed) {
      this.state = state;
      this._changed.emit();
    }
  }

  protected override render(): JSX.Element {
    return <Form body={this} question={this.question} changed={this._changed} />;
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  private readonly _changed = new Signal<this, void>(this);
}

interface IFormProps<V, T> {
  body: FormBody<V, T>;
  question: IQuestion<V, T>;
  changed: Signal<FormBody<V, T>, void>;
}

function Form<V, T>({ body, question, changed }: IFormProps<V, T>): JSX.Element {
  const subscribe = React.useCallback(
    (notify: () => void) => {
      changed.connect(notify);
      return () => void changed.disconnect(notify);
    },
    [changed]
  );
  const state = React.useSyncExternalStore(subscribe, () => body.state);
  return (
    <UiProvider value={question.ui}>
      <div className="jp-Insighter-Ask-body" aria-busy={state.busy}>
        {question.form(state.value, value => body.set({ ...body.state, value, error: null }))}
        {state.error && <ErrorNote error={state.error} />}
      </div>
    </UiProvider>
  );
}

/** A labelled field of a form. */
export function Field(props: {
  label: string;
  hint?: React.ReactNode;
  children: (id: string) => JSX.Element;
}): JSX.Element {
  const id = React.useId();
  return (
    <div className="jp-Insighter-Field">
      <label htmlFor={id}>{props.label}</label>
      {props.children(id)}
      {props.hint && <div className="jp-Insighter-Field-hint">{props.hint}</div>}
    </div>
  );
}

/** A pattern for an input that only a text itself fits, with blanks around it or not. */
export function exactly(text: string): string {
  const escaped = [...text.trim()].map(each =>
    /[A-Za-z0-9]/.test(each) ? each : `\\u{${each.codePointAt(0)?.toString(16)}}`
  );
  return `\\s*${escaped.join('')}\\s*`;
}
