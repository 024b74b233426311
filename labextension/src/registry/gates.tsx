import { stroked } from '../pages/icons';
import type { TranslationBundle } from '@jupyterlab/translation';

import type { Gate, GateResult } from '../api';
import { formatMetric, useUi } from '../components';
import { roleName } from '../projects/roles';

/** A padlock. */
const lockIcon = stroked(
  'lock',
  '<rect x="5" y="11" width="14" height="9.5" rx="1.8"/><path d="M8 11V7.5a4 4 0 0 1 8 0V11"/>'
);

/** A padlock, and the word for whoever does not see it. */
export function Lock(): JSX.Element {
  const { trans } = useUi();
  return (
    <span className="jp-Insighter-Lock" title={trans.__('protected')}>
      <lockIcon.react tag="span" elementSize="small" />
      <span className="jp-Insighter-hidden">{trans.__('protected:')}</span>
    </span>
  );
}

const SIGNS: Readonly<Record<Gate['op'], string>> = { '>=': '≥', '>': '>', '<=': '≤', '<': '<', '=': '=' };

/** The comparators, as they are written and as they are read. */
export const COMPARATORS = Object.entries(SIGNS) as ReadonlyArray<[Gate['op'], string]>;

/** A gate as people write it: auc ≥ 0.9 on gold. */
export function gateText(
  gate: Pick<GateResult, 'metric' | 'op' | 'value' | 'dataset'>,
  trans: TranslationBundle
): string {
  const plain = `${gate.metric} ${SIGNS[gate.op]} ${gate.value}`;
  return gate.dataset ? trans.__('%1 on %2', plain, gate.dataset) : plain;
}

/** What protects an alias, in a line. */
export function protectionText(
  rule: {
    role: 'editor' | 'admin' | 'owner' | null;
    approvals: number;
    gates: ReadonlyArray<Pick<GateResult, 'metric' | 'op' | 'value' | 'dataset'>>;
  },
  trans: TranslationBundle
): string {
  const role = roleName(rule.role, trans);
  const who =
    rule.approvals === 0
      ? trans.__('moved by the role %1', role)
      : trans._n('%1 approval by the role %2', '%1 approvals by the role %2', rule.approvals, role);
  return [who, ...rule.gates.map(gate => gateText(gate, trans))].join(' · ');
}

/** Gates with what was found: each passes or says why not. */
export function GateList(props: { gates: ReadonlyArray<GateResult> }): JSX.Element | null {
  const { trans } = useUi();
  if (props.gates.length === 0) {
    return null;
  }
  return (
    <ul className="jp-Insighter-Gates" aria-label={trans.__('Gates')}>
      {props.gates.map((gate, index) => (
        <li key={index} data-passed={gate.passed}>
          <span className="jp-Insighter-Gates-mark">
            <span aria-hidden="true">{gate.passed ? '✓' : '✗'}</span>
            <span className="jp-Insighter-hidden">
              {gate.passed ? trans.__('holds:') : trans.__('does not hold:')}
            </span>
          </span>
          <code>{gateText(gate, trans)}</code>
          <span className="jp-Insighter-Quiet">
            {gate.passed && gate.found !== null
              ? trans.__('is %1', formatMetric(gate.found))
              : (gate.reason ?? '')}
          </span>
        </li>
      ))}
    </ul>
  );
}
