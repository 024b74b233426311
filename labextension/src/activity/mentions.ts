import type { Somebody } from '../api';

/** How a mention is kept in a comment: @[name](user id). */
const STORED = /@\[[^\]\n]{1,200}\]\(([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\)/g;

/** A comment as it is typed, with names in place of ids, and who they stand for. */
export function typed(body: string, mentions: ReadonlyArray<Somebody>): { text: string; people: Somebody[] } {
  const people: Somebody[] = [];
  const text = body.replace(STORED, (stored, id: string) => {
    const found = mentions.find(({ user_id }) => user_id === id);
    // of two people with one name the text would not tell which
    if (!found || people.some(one => one.user_id !== id && one.display_name === found.display_name)) {
      return stored;
    }
    if (!people.includes(found)) {
      people.push(found);
    }
    return `@${found.display_name}`;
  });
  return { text, people };
}

/** What is typed, as it is kept. */
export function stored(text: string, people: ReadonlyArray<Somebody>): string {
  const longestFirst = [...people].sort((one, other) => other.display_name.length - one.display_name.length);
  return longestFirst.reduce((done, person) => {
    const name = person.display_name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
    return done.replace(new RegExp(`@${name}(?![\\p{L}\\p{N}_])`, 'gu'), () => asStored(person));
  }, text);
}

/** A mention as it is kept. */
export function asStored(person: Somebody): string {
  return `@[${person.display_name.replace(/[[\]\n]/g, ' ').slice(0, 200)}](${person.user_id})`;
}

/** The beginning of a name that is being typed before the caret; null when none is. */
export function nameAt(text: string, caret: number): { from: number; query: string } | null {
  const found = /(?:^|[\s(])@([^\s@[]{0,40})$/u.exec(text.slice(0, caret));
  return found ? { from: caret - found[1].length - 1, query: found[1].toLocaleLowerCase() } : null;
}

/** Those whose name, or a word of it, begins so. */
export function matching(people: ReadonlyArray<Somebody>, query: string): Somebody[] {
  return people.filter(({ display_name }) => {
    const name = display_name.toLocaleLowerCase();
    return name.startsWith(query) || name.split(/\s+/).some(word => word.startsWith(query));
  });
}
