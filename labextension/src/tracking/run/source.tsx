import * as React from 'react';

import type { RunDetail } from '../../api';
import { CopyButton } from '../../components';
import { CommandIDs as NotebookCommands } from '../../notebooks/commands';
import { useHost } from '../../pages/host';
import { useOwnResource } from '../../pages/resource';
import type { RunModel } from '../model';

/** What made the run: its notebook, as it was then, and the commit of the code. Facts for the summary line. */
export function useSource(model: RunModel, run: RunDetail): React.ReactNode[] {
  const { trans, commands } = useHost();
  const bound = Boolean(run.tags['insighter.notebook']);
  const [, { value: notebook }] = useOwnResource(() => model.notebook(), `${run.id} ${bound}`, run.status);
  const { project } = model;
  const commit = run.tags['mlflow.source.git.commit'];
  const branch = run.tags['mlflow.source.git.branch'] ?? run.tags['mlflow.gitBranch'];
  const repository = run.tags['mlflow.source.git.repoURL'] ?? run.tags['mlflow.gitRepoURL'];
  const source = run.tags['mlflow.source.name'];
  const facts: React.ReactNode[] = [];
  if (notebook) {
    const { id, name, version } = notebook;
    facts.push(
      <span key="notebook" className="jp-Insighter-Source">
        <button
          type="button"
          className="jp-Insighter-Link"
          title={trans.__('Show the versions of the notebook that made the run')}
          onClick={() => void commands.execute(NotebookCommands.open, { project, id, name })}
        >
          {version === null ? trans.__('in %1', name) : trans.__('in %1 v%2', name, version)}
        </button>
        {version !== null && (
          <button
            type="button"
            className="jp-Insighter-Link"
            title={trans.__('Open a copy of the notebook in the version that made the run')}
            onClick={() =>
              void commands.execute(NotebookCommands.copyVersion, { project, id, name, version })
            }
          >
            {trans.__('open the notebook as it was')}
          </button>
        )}
      </span>
    );
  } else if (source && !bound) {
    facts.push(
      <span key="source" title={source}>
        {trans.__('from')} <code>{source.split(/[\\/]/).at(-1)}</code>
      </span>
    );
  }
  if (commit) {
    facts.push(
      <span key="commit" className="jp-Insighter-WithCopy" title={commit}>
        <span>
          {trans.__('commit')} <code>{commit.slice(0, 8)}</code>
          {branch && ` ${trans.__('on %1', branch)}`}
        </span>
        <CopyButton text={commit} label={trans.__('Copy the commit')} />
      </span>
    );
  }
  if (repository) {
    facts.push(<Repository key="repository" url={repository} />);
  }
  return facts;
}

/** Where the code is kept; a link only where it leads to a web page. */
function Repository({ url }: { url: string }): JSX.Element {
  const name = url.replace(/^[a-z+]+:\/\/([^@/]*@)?/i, '').replace(/\.git$/, '');
  return /^https?:\/\//i.test(url) ? (
    <a className="jp-Insighter-Link" href={withoutSecrets(url)} target="_blank" rel="noopener noreferrer">
      {name}
    </a>
  ) : (
    <code title={url}>{name}</code>
  );
}

/** An address of a repository may carry somebody's password. */
function withoutSecrets(url: string): string {
  try {
    const parsed = new URL(url);
    parsed.username = '';
    parsed.password = '';
    return parsed.href;
  } catch {
    return '';
  }
}
