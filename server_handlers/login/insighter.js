// The page to sign in: one form at a time, by the address's fragment. What was typed stays when something goes wrong.
'use strict';

(() => {
  const { base, xsrf } = document.body.dataset;
  const forms = [...document.querySelectorAll('form')];
  const said = document.getElementById('said');
  let info = { sign_up: 'invited', sends_mail: false };

  /** Where to go on: a page of this server, whatever the address asks for. */
  function next() {
    try {
      const wanted = new URL(new URLSearchParams(location.search).get('next') ?? base, location.href);
      if (wanted.origin === location.origin && wanted.pathname.startsWith(base)) {
        return wanted.href;
      }
    } catch {
      // no address at all
    }
    return base;
  }

  async function ask(method, path, body) {
    let answer;
    try {
      answer = await fetch(`${base}insighter/api${path}`, {
        method,
        credentials: 'same-origin',
        headers: { 'Content-Type': 'application/json', 'X-XSRFToken': xsrf },
        body: body === undefined ? undefined : JSON.stringify(body)
      });
    } catch {
      throw { message: 'The server does not answer.', hint: 'See whether you are online, and try again.' };
    }
    const said = await answer.json().catch(() => ({}));
    if (!answer.ok) {
      throw {
        code: said.code,
        message: said.message ?? 'Something went wrong.',
        hint: said.hint ?? 'Load the page again.'
      };
    }
    return said;
  }

  function sentence(text) {
    const trimmed = text.trim();
    return trimmed.charAt(0).toUpperCase() + trimmed.slice(1) + (/[.!?]$/.test(trimmed) ? '' : '.');
  }

  function tell(text) {
    said.textContent = text;
    said.hidden = text === '';
  }

  function fail(form, error) {
    const place = form.querySelector('.error');
    place.textContent = [error.message, error.hint].filter(Boolean).map(sentence).join(' ');
    place.hidden = false;
  }

  /** The first field that cannot be right, with what to do about it; null where all can. */
  function problem(form) {
    for (const field of form.querySelectorAll('input')) {
      field.removeAttribute('aria-invalid');
    }
    for (const field of form.querySelectorAll('input')) {
      const label = field.closest('label').firstChild.textContent.trim();
      let message = '';
      if (field.closest('[hidden]')) {
        continue;
      } else if (field.name === 'invitation' && info.sign_up === 'invited' && field.value.trim() === '') {
        message = 'Enter the code of the invitation you were sent.';
      } else if (field.validity.valueMissing) {
        message = `${label} is missing: enter it.`;
      } else if (field.validity.typeMismatch) {
        message = 'This is no e-mail address: write it like name@example.org.';
      } else if (field.validity.tooShort || (field.minLength > 0 && field.value.length < field.minLength)) {
        message = `The password is too short: take ${field.minLength} characters or more.`;
      }
      if (message !== '') {
        return { field, message };
      }
    }
    return null;
  }

  function show() {
    const [name, query] = location.hash.slice(1).split('?');
    const wanted = name === 'sign-up' && info.sign_up === 'closed' ? 'sign-in' : name;
    const form = forms.find(one => one.id === wanted) ?? forms[0];
    const typed = forms.find(one => !one.hidden)?.elements.email?.value;
    for (const one of forms) {
      one.hidden = one !== form;
      one.querySelector('.error').hidden = true;
    }
    if (typed && form.elements.email.value === '') {
      form.elements.email.value = typed;
    }
    // An invitation's link carries its code behind the "#", where no server's log sees it.
    const given = new URLSearchParams(query ?? '');
    for (const field of ['invitation', 'email']) {
      if (given.has(field) && form.elements[field]) {
        form.elements[field].value = given.get(field);
      }
    }
    document.title = `${form.querySelector('h1').textContent} · Insighter`;
    [...form.querySelectorAll('input')].find(field => field.value === '')?.focus();
  }

  function adapt() {
    const shown = {
      'sign-up': info.sign_up !== 'closed',
      open: info.sign_up === 'open',
      mail: info.sends_mail,
      'no-mail': !info.sends_mail
    };
    for (const element of document.querySelectorAll('[data-for]')) {
      element.hidden = !(shown[element.dataset.for] ?? true);
    }
  }

  let asked = null;

  /** What an account takes here, asked for until it is known. */
  function learn() {
    asked ??= ask('GET', '/auth').then(
      answer => {
        info = answer;
        adapt();
        // Only where it has to: somebody may be typing already.
        if (info.sign_up === 'closed' && location.hash.startsWith('#sign-up')) {
          show();
        }
      },
      error => {
        asked = null;
        throw error;
      }
    );
    return asked;
  }

  const actions = {
    'sign-in': async ({ email, password }) => {
      await ask('POST', '/auth/sign-in', { email, password });
      location.assign(next());
    },
    'sign-up': async ({ email, password, display_name, invitation }) => {
      const answer = await ask('POST', '/auth/sign-up', {
        email,
        password,
        display_name: display_name.trim() || null,
        invitation: invitation.trim() || null
      });
      if (answer.signed_in) {
        location.assign(next());
      } else {
        location.hash = 'confirmation';
      }
    },
    recovery: async ({ email }) => {
      if (info.sends_mail) {
        await ask('POST', '/auth/recovery', { email });
        tell('If there is an account with this address, a code is on its way to it.');
      }
      location.hash = 'new-password';
    },
    'new-password': async ({ email, code, password }) => {
      await ask('POST', '/auth/recovery/confirm', { email, code, password });
      location.assign(next());
    },
    confirmation: async ({ email, code }) => {
      await ask('POST', '/auth/confirmation/confirm', { email, code });
      location.assign(next());
    }
  };

  async function run(form, button, action) {
    if (button.getAttribute('aria-busy') === 'true') {
      return;
    }
    form.querySelector('.error').hidden = true;
    tell('');
    button.setAttribute('aria-busy', 'true');
    try {
      await learn(); // before it nobody knows what an account takes
      const found = problem(form);
      if (found && action === actions[form.id]) {
        found.field.setAttribute('aria-invalid', 'true');
        found.field.focus();
        fail(form, { message: found.message });
        return;
      }
      await action(Object.fromEntries(new FormData(form)));
    } catch (error) {
      if (error.code === 'email_not_confirmed') {
        location.hash = 'confirmation';
        tell('This address is not confirmed yet.');
      } else {
        fail(form, error);
      }
    } finally {
      button.setAttribute('aria-busy', 'false');
    }
  }

  for (const form of forms) {
    form.addEventListener('submit', event => {
      event.preventDefault();
      void run(form, form.querySelector('[type=submit]'), actions[form.id]);
    });
  }
  const again = document.getElementById('again');
  again.addEventListener('click', () => {
    void run(again.closest('form'), again, async ({ email }) => {
      await ask('POST', '/auth/confirmation', { email });
      tell('If this address waits to be confirmed, a code is on its way to it.');
    });
  });
  window.addEventListener('hashchange', () => {
    if (!said.hidden && location.hash === '#sign-in') {
      tell('');
    }
    show();
  });

  adapt();
  show();
  learn().catch(error => tell([error.message, error.hint].filter(Boolean).map(sentence).join(' ')));
})();
