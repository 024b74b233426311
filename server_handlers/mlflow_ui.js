// Runs before MLflow's own scripts. Opened as …/insighter/mlflow/?workspace=<project>&theme=dark#/…
(() => {
  'use strict';
  const asked = new URLSearchParams(window.location.search);
  const theme = asked.get('theme');
  let workspace = asked.get('workspace');

  // The links that MLflow's clients print name an experiment and no project: the server knows whose it is.
  const experiment = /^#\/experiments\/(\d+)/.exec(window.location.hash);
  if (!workspace && experiment && !/[?&]workspace=/.test(window.location.hash)) {
    const question = new XMLHttpRequest();
    question.open('GET', 'ajax-api/2.0/mlflow/experiments/get?experiment_id=' + experiment[1], false);
    try {
      question.send();
      workspace = JSON.parse(question.responseText).experiment.workspace;
    } catch {
      // MLflow says what is wrong with it.
    }
  }

  // MLflow reads both before it draws.
  if (theme) {
    window.localStorage.setItem('databricks-dark-mode-pref', theme);
    window.localStorage.setItem('_mlflow_dark_mode_toggle_enabled', String(theme === 'dark'));
  }
  if (workspace) {
    window.localStorage.setItem('mlflow.activeWorkspace', workspace);
    const hash = window.location.hash || '#/';
    if (!/[?&]workspace=/.test(hash)) {
      const mark = hash.includes('?') ? '&' : '?';
      window.history.replaceState(null, '', hash + mark + 'workspace=' + encodeURIComponent(workspace));
    }
  }

  // What is said once to whoever opens MLflow first is about things that are elsewhere here: begin with runs and models, and
  // without its advertisements. Whoever chose otherwise keeps that.
  const first = {
    'mlflow.workflowType_v1': '"machine_learning"',
    'mlflow.assistant.fab.autoOpenedOnFirstLoad_v1': 'true',
    'mlflow.home.getting-started.collapsed_v1': 'true',
    'mlflow.detectIssues.guidanceShown_v1': 'true',
    '_mlflow_model_registry_promo_modal_dismissed_v1': 'true',
    'mlflow.telemetry.info.alert.dismissed_v1': 'true',
    'mlflow.settings.telemetry.enabled_v1': 'false'
  };
  for (const [name, value] of Object.entries(first)) {
    if (window.localStorage.getItem(name) === null) {
      window.localStorage.setItem(name, value);
    }
  }

  const cookie = name =>
    document.cookie
      .split('; ')
      .find(one => one.startsWith(name + '='))
      ?.slice(name.length + 1);

  // The project of this page. MLflow keeps one for all pages of a browser, and two may be open beside each other.
  const current = () => {
    const here = /[?&]workspace=([^&]*)/.exec(window.location.hash);
    if (here) {
      workspace = decodeURIComponent(here[1]);
    }
    return workspace;
  };

  const send = window.fetch;
  window.fetch = (input, init) => {
    const request = new Request(input, init);
    const url = new URL(request.url);
    if (url.origin === window.location.origin) {
      const token = cookie('_xsrf');
      if (token && !['GET', 'HEAD'].includes(request.method)) {
        request.headers.set('X-XSRFToken', decodeURIComponent(token));
      }
      const project = current();
      if (project && request.headers.has('X-MLFLOW-WORKSPACE')) {
        request.headers.set('X-MLFLOW-WORKSPACE', project);
      }
    }
    return send(request);
  };

  const open = XMLHttpRequest.prototype.open;
  XMLHttpRequest.prototype.open = function (method, url, ...rest) {
    open.call(this, method, url, ...rest);
    const token = cookie('_xsrf');
    const own = new URL(url, window.location.href).origin === window.location.origin;
    if (token && own && !['GET', 'HEAD'].includes(String(method).toUpperCase())) {
      this.setRequestHeader('X-XSRFToken', decodeURIComponent(token));
    }
  };
})();
