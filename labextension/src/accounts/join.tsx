import { type Project, sharing } from '../api';
import { ask, Field } from '../pages/ask';
import type { IHost } from '../pages/host';

/** What joining led to. */
export interface IJoined {
  /** Null where the invitation was to an organisation. */
  readonly project: Project | null;
}

/** Ask for an invitation's code and accept it; null when cancelled. */
export function askCode(host: IHost): Promise<IJoined | null> {
  const { trans } = host;
  return ask<string, IJoined>({
    ui: host,
    title: trans.__('Accept an invitation'),
    accept: trans.__('Join'),
    initial: '',
    form: (code, change) => (
      <Field label={trans.__('Invitation code')} hint={trans.__('Whoever invited you has it.')}>
        {id => (
          <input
            id={id}
            className="jp-mod-styled"
            required
            maxLength={200}
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            value={code}
            onChange={event => change(event.target.value)}
          />
        )}
      </Field>
    ),
    submit: async code => ({ project: await sharing.acceptCode(code.trim()) })
  });
}
