/** How well something is: green, blue (and breathing), amber, red, grey. */
export type Condition = 'ok' | 'busy' | 'warning' | 'error' | 'off';

/** A status as a dot and a word: colour alone tells nothing to many. */
export function StatusDot(props: { condition: Condition; word: string; title?: string }): JSX.Element {
  return (
    <span className="jp-Insighter-StatusDot" data-condition={props.condition} title={props.title}>
      <span className="jp-Insighter-StatusDot-dot" aria-hidden="true" />
      <span className="jp-Insighter-StatusDot-word">{props.word}</span>
    </span>
  );
}
