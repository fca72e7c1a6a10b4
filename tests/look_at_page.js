// What is wrong with the page as it is shown now: parts that stick out or are cut, text without contrast, dead links,
// pictures without words. Contrast as WCAG 2.2 defines it (1.4.3, level AA; relative luminance of sRGB).
(() => {
  const shown = (element) => element.checkVisibility({ checkVisibilityCSS: true, checkOpacity: true });
  const name = (element) => `${element.tagName.toLowerCase()}.${element.className} "${(element.innerText || "").slice(0, 40)}"`;
  // not innerWidth: a telephone zooms out until all that sticks out is seen
  const width = document.documentElement.clientWidth;
  const faults = [];
  if (document.documentElement.scrollWidth > width) {
    faults.push(`the page is ${document.documentElement.scrollWidth} pixels wide, the window ${width}`);
  }
  const isHead = (element) => element.closest(".stack thead");
  for (const element of document.body.querySelectorAll("*")) {
    if (!shown(element) || isHead(element)) continue;
    const box = element.getBoundingClientRect();
    if (box.right > width + 0.5 || box.left < -0.5) faults.push(`sticks out to ${box.right}: ${name(element)}`);
    if (getComputedStyle(element).display !== "inline" && element.scrollWidth > element.clientWidth + 1 && element.clientWidth) {
      faults.push(`is cut at ${element.clientWidth} of ${element.scrollWidth} pixels: ${name(element)}`);
    }
  }

  const parts = (colour) => {
    const [r, g, b, a = 1] = colour.match(/[\d.]+/g).map(Number);
    return [r, g, b, a];
  };
  const over = (top, below) => top.slice(0, 3).map((part, at) => part * top[3] + below[at] * (1 - top[3]));
  const background = (element) => {
    if (!element) return [255, 255, 255];
    const own = parts(getComputedStyle(element).backgroundColor);
    return own[3] === 1 ? own.slice(0, 3) : over(own, background(element.parentElement));
  };
  const luminance = (colour) => {
    const [r, g, b] = colour.map((part) => part / 255).map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let looked = 0;
  let least = 21;
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || !shown(element) || ["STYLE", "SCRIPT"].includes(element.tagName)) continue;
    const style = getComputedStyle(element);
    const below = background(element);
    const [light, dark] = [luminance(over(parts(style.color), below)), luminance(below)].sort((a, b) => b - a);
    const contrast = (light + 0.05) / (dark + 0.05);
    const size = parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    looked += 1;
    least = Math.min(least, contrast);
    if (contrast < (isLarge ? 3 : 4.5)) faults.push(`contrast ${contrast.toFixed(2)}: ${name(element)}`);
  }

  for (const link of document.querySelectorAll('a[href^="#"]')) {
    if (!document.getElementById(decodeURIComponent(link.hash.slice(1)))) faults.push(`leads nowhere: ${link.outerHTML}`);
  }
  for (const image of document.images) {
    if (!/\d/.test(image.alt) || image.alt.length < 30) faults.push(`a picture without its numbers: "${image.alt}"`);
    if (shown(image) && !(image.complete && image.naturalWidth)) faults.push(`is not drawn: "${image.alt}"`);
  }
  const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
  if (new Set(ids).size < ids.length) faults.push("two elements have one id");
  const files = [...document.querySelectorAll("a[href]")].map((link) => link.getAttribute("href")).filter((href) => !href.startsWith("#"));
  return { faults, looked, least, files, images: document.images.length };
})()
