// Runs before the first paint, so that a dark page does not flash white. No inline script: the policy forbids it.
(function () {
  try {
    var theme = localStorage.getItem('gandan.theme');
    if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
    var lang = localStorage.getItem('gandan.lang');
    if (lang === 'en') document.documentElement.lang = 'en';
  } catch (error) {
    // Storage may be switched off; the system's theme is used then.
  }
})();
