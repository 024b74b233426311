import * as React from 'react';

import type { Account } from '../api';
import { Button, ErrorNote } from '../components';
import { useHost, useRevision } from '../pages/host';
import { Facts, Page, Tabs } from '../pages/page';
import { useResource } from '../pages/resource';
import { CommandIDs } from './commands';
import { type AccountModel, hubSignsIn, isActive } from './model';
import { Profile } from './profile';
import { SignIns } from './signins';
import { Tokens } from './tokens';

type Tab = 'profile' | 'tokens' | 'sign-ins';

/** The page of the account that is signed in. */
export function AccountPage({ model }: { model: AccountModel }): JSX.Element {
  const { trans } = useHost();
  const revision = useRevision();
  const { value, error } = useResource(model.account);
  React.useEffect(() => {
    void model.account.refresh();
    void model.tokens.refresh();
  }, [model, revision]);
  const note = error && <ErrorNote error={error} onRetry={() => void model.account.refresh()} />;
  if (!value) {
    return (
      <Page kind={trans.__('Account')} title={trans.__('Your account')} notes={note}>
        {!error && <p className="jp-Insighter-Loading">{trans.__('Loading…')}</p>}
      </Page>
    );
  }
  return <Loaded model={model} account={value} note={note} />;
}

interface ILoadedProps {
  model: AccountModel;
  account: Account;
  note: React.ReactNode;
}

function Loaded({ model, account, note }: ILoadedProps): JSX.Element {
  const { trans, commands, projects } = useHost();
  const [tab, setTab] = React.useState<Tab>('profile');
  const { value: tokens } = useResource(model.tokens);
  const { value: signIns } = useResource(model.signIns);
  const { local } = account;
  const own = !local && !hubSignsIn(projects);
  React.useEffect(() => {
    if (own) {
      void model.signIns.refresh();
    }
  }, [model, own]);
  const active = tokens?.filter(isActive).length ?? null;
  return (
    <Page
      kind={trans.__('Account')}
      title={account.display_name}
      actions={
        own &&
        projects.connection !== 'signed-out' && (
          <Button onClick={() => void commands.execute(CommandIDs.signOut)}>{trans.__('Sign out')}</Button>
        )
      }
      summary={
        <Facts>
          {own && account.email && <span>{account.email}</span>}
          {local && <span>{trans.__('the local account of this server')}</span>}
          {own && !account.confirmed && <span>{trans.__('address not confirmed')}</span>}
        </Facts>
      }
      notes={note}
    >
      <Tabs<Tab>
        label={trans.__('Parts of the account')}
        tabs={[
          { id: 'profile', label: trans.__('Profile') },
          { id: 'tokens', label: trans.__('Access tokens'), count: active },
          ...(!own
            ? []
            : [{ id: 'sign-ins' as const, label: trans.__('Sign-ins'), count: signIns?.length ?? null }])
        ]}
        current={tab}
        onSelect={setTab}
        fill
      >
        <div className="jp-Insighter-Scroll">
          {tab === 'profile' && <Profile model={model} account={account} />}
          {tab === 'tokens' && <Tokens model={model} />}
          {tab === 'sign-ins' && <SignIns model={model} />}
        </div>
      </Tabs>
    </Page>
  );
}
