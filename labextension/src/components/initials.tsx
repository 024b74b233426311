/** A person's initials in a circle; the name stands beside it, or is its title. */
export function Initials(props: { name: string; title?: string; away?: boolean }): JSX.Element {
  const words = props.name.trim().split(/\s+/);
  const letters = [words[0], ...(words.length > 1 ? [words[words.length - 1]] : [])];
  return (
    <span
      className={`jp-Insighter-Initials${props.away ? ' jp-mod-away' : ''}`}
      title={props.title}
      aria-hidden="true"
    >
      {letters.map(word => [...word][0]?.toLocaleUpperCase()).join('')}
    </span>
  );
}
