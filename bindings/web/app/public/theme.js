// Runs before the first paint, so that a dark page does not flash white and large text does not jump. No inline script:
// the policy forbids it.
(function () {
  try {
    var theme = localStorage.getItem('gandan.theme');
    if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
    var size = JSON.parse(localStorage.getItem('gandan.textSize') || 'null');
    if (size === 'large' || size === 'largest') document.documentElement.dataset.size = size;
    if (localStorage.getItem('gandan.lang') === 'en') document.documentElement.lang = 'en';
  } catch (error) {
    // Storage may be switched off; the system's theme is used then.
  }
})();
