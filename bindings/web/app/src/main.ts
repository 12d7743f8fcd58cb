import '$web/app.css';
import './field.css';
import { mount } from 'svelte';
import App from './App.svelte';
import { language, rememberedLanguage } from './lib/i18n/index.svelte.ts';
import { update } from './lib/state/update.svelte.ts';

await language.use(rememberedLanguage());
const target = document.getElementById('app');
target?.replaceChildren(); // what was seen until now
if (target) mount(App, { target });
void update.begin();
