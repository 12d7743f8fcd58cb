// A picture as a camera gives it: drawn by Chromium once would need a page; a small JPEG in the source does as well.
const GREY = '/9j/4AAQSkZJRgABAQEASABIAAD/2wBDAAMCAgICAgMCAgIDAwMDBAYEBAQEBAgGBgUGCQgKCgkICQkKDA8MCgsOCwkJDRENDg8QEBEQCgwSExIQEw8QEBD/wAALCAABAAEBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAACf/EABQQAQAAAAAAAAAAAAAAAAAAAAD/2gAIAQEAAD8AVN//2Q==';

/** One grey pixel; the app scales and keeps it as it does any other. */
export const photo = (): Buffer => Buffer.from(GREY, 'base64');
