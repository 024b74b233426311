import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { Organisation, Project, VisibilityChange } from '../api';
import { Button, ErrorNote } from '../components';
import { useHost } from '../pages/host';
import { useResource } from '../pages/resource';
import type { IPartProps } from './page';
import { askOrganisation, Organisations } from './organisations';
import { offerUndo } from './undo';

type Visible = Project['visibility'];

const ALL: ReadonlyArray<Visible> = ['private', 'team', 'public'];

/** Who sees a project of some visibility, in a sentence. */
export function visibilityText(visibility: Visible, trans: TranslationBundle): string {
  switch (visibility) {
    case 'private':
      return trans.__('Its members see it, and nobody else.');
    case 'team':
      return trans.__('Its members see it, and the members of one organisation read it.');
    case 'public':
      return trans.__('Its members see it, and everybody who is signed in reads it.');
  }
}

/** What a project's visibility is now, for whoever is told of a change. */
function nowText(name: string, visibility: Visible, trans: TranslationBundle): string {
  switch (visibility) {
    case 'private':
      return trans.__('“%1” is private now.', name);
    case 'team':
      return trans.__('“%1” is shown to its organisation now.', name);
    case 'public':
      return trans.__('“%1” is public now.', name);
  }
}

/** A visibility's name. */
export function visibilityName(visibility: Visible, trans: TranslationBundle): string {
  switch (visibility) {
    case 'private':
      return trans.__('Private');
    case 'team':
      return trans.__('Team');
    case 'public':
      return trans.__('Public');
  }
}

/** Who sees the project without being a member. */
export function Visibility(props: IPartProps): JSX.Element {
  const { model, project, may } = props;
  const { trans } = useHost();
  const { value: organisations } = useResource(model.organisations);
  const [editable, setEditable] = React.useState(may);
  if (may && !editable) {
    setEditable(true);
  }
  if (!editable) {
    return (
      <div className="jp-Insighter-Nothing">
        <p>
          <strong>{visibilityName(project.visibility, trans)}.</strong>{' '}
          {visibilityText(project.visibility, trans)}
        </p>
        <p>{trans.__('Its admins say who sees it.')}</p>
      </div>
    );
  }
  return (
    <>
      <VisibilityForm {...props} organisations={organisations ?? []} />
      <Organisations model={model} organisations={organisations ?? []} />
    </>
  );
}

/** What is chosen; null for what there is. */
interface IDraft {
  readonly visibility: Visible;
  readonly organisation: string | null;
  /** What there was when one began to choose. */
  readonly from: Visible;
}

function VisibilityForm(props: IPartProps & { organisations: ReadonlyArray<Organisation> }): JSX.Element {
  const { model, project, may, organisations } = props;
  const host = useHost();
  const { trans } = host;
  const heading = React.useId();
  const name = React.useId();
  const [draft, setDraft] = React.useState<IDraft | null>(null);
  const [busy, setBusy] = React.useState(false);
  const [problem, setProblem] = React.useState<unknown>(null);
  const visibility = draft?.visibility ?? project.visibility;
  const organisation = draft ? draft.organisation : project.organisation_id;
  const theirs =
    project.organisation_id !== null && !organisations.some(({ id }) => id === project.organisation_id);
  const changed =
    draft !== null &&
    (visibility !== project.visibility ||
      (visibility === 'team' && organisation !== project.organisation_id));
  const choose = (next: Visible, of: string | null = organisation ?? organisations[0]?.id ?? null) => {
    setProblem(null);
    setDraft({ visibility: next, organisation: of, from: draft?.from ?? project.visibility });
  };

  const save = async (event: React.FormEvent) => {
    event.preventDefault();
    if (!changed || !may || busy) {
      return;
    }
    const before = changeOf(project.visibility, project.organisation_id);
    setBusy(true);
    setProblem(null);
    try {
      const { visibility: now } = await model.setVisibility(changeOf(visibility, organisation));
      setDraft(null);
      offerUndo(host, nowText(project.name, now, trans), () => model.setVisibility(before));
    } catch (reason) {
      setProblem(reason);
    } finally {
      setBusy(false);
    }
  };

  return (
    <form
      className="jp-Insighter-Visibility"
      aria-labelledby={heading}
      aria-busy={busy}
      onSubmit={event => void save(event)}
    >
      <h2 id={heading} className="jp-Insighter-Heading">
        {trans.__('Who sees the project')}
      </h2>
      {ALL.map(each => (
        <div key={each} className="jp-Insighter-Choice">
          <label>
            <input
              type="radio"
              name={name}
              checked={visibility === each}
              disabled={!may}
              onChange={() => choose(each)}
            />
            <span>{visibilityName(each, trans)}</span>
          </label>
          <p className="jp-Insighter-Quiet">{visibilityText(each, trans)}</p>
          {each === 'team' && visibility === 'team' && (
            <div className="jp-Insighter-Choice-more">
              {(organisations.length > 0 || theirs) && (
                <select
                  className="jp-Insighter-Select"
                  aria-label={trans.__('Organisation')}
                  value={organisation ?? ''}
                  disabled={!may}
                  onChange={event => choose('team', event.target.value)}
                >
                  {theirs && (
                    <option value={project.organisation_id ?? ''}>
                      {trans.__('one that you are not a member of')}
                    </option>
                  )}
                  {organisations.map(one => (
                    <option key={one.id} value={one.id}>
                      {one.name}
                    </option>
                  ))}
                </select>
              )}
              {organisations.length === 0 && !theirs && (
                <span className="jp-Insighter-Quiet">{trans.__('You belong to no organisation yet.')}</span>
              )}
              {may && (
                <Button
                  onClick={() =>
                    void askOrganisation(host, model).then(made => {
                      if (made) {
                        choose('team', made.id);
                      }
                    })
                  }
                >
                  {trans.__('New organisation…')}
                </Button>
              )}
            </div>
          )}
        </div>
      ))}
      <p className="jp-Insighter-Quiet">
        {trans.__(
          'To read is to see and download what a viewer does, except who the members are and what endpoints write to their logs. Restricted assets stay restricted.'
        )}
      </p>
      {draft && draft.from !== project.visibility && changed && (
        <div className="jp-Insighter-Notice" role="status">
          <p>
            {trans.__(
              'Somebody changed it meanwhile. %1 What you chose stays, and counts when you save it.',
              nowText(project.name, project.visibility, trans)
            )}
          </p>
        </div>
      )}
      {problem !== null && <ErrorNote error={problem} />}
      <div className="jp-Insighter-Buttons">
        <Button
          primary
          submit
          disabled={!may || !changed || busy || (visibility === 'team' && organisation === null)}
        >
          {busy ? trans.__('Saving…') : trans.__('Save')}
        </Button>
        {changed && <Button onClick={() => setDraft(null)}>{trans.__('Leave it as it is')}</Button>}
      </div>
    </form>
  );
}

function changeOf(visibility: Visible, organisation: string | null): VisibilityChange {
  return { visibility, organisation_id: visibility === 'team' ? organisation : null };
}
