// The map of the sites: streets when the office has some, a graticule always, nothing fetched from anybody else.
const COLOURS = { good: "#157a55", bad: "#b3261e", unknown: "#6b7280" };
const STEPS = [10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002];

function text(words) {
  const span = document.createElement("span"); // Leaflet takes a string for HTML, an element for what it is
  span.textContent = words;
  return span;
}

function graticule(map) {
  const layer = L.layerGroup().addTo(map);
  const draw = () => {
    layer.clearLayers();
    const box = map.getBounds().pad(0.2);
    const step = STEPS.find((size) => (box.getEast() - box.getWest()) / size >= 4) ?? 0.001;
    const style = { color: "#d5dbe5", weight: 1, interactive: false };
    for (let x = Math.ceil(box.getWest() / step) * step; x < box.getEast(); x += step)
      layer.addLayer(L.polyline([[box.getSouth(), x], [box.getNorth(), x]], style));
    for (let y = Math.ceil(box.getSouth() / step) * step; y < box.getNorth(); y += step)
      layer.addLayer(L.polyline([[y, box.getWest()], [y, box.getEast()]], style));
  };
  map.on("moveend", draw);
  return draw;
}

function streets(map, geojson) {
  return L.geoJSON(geojson, {
    interactive: false,
    style: (feature) => ({ color: "#c3cbd9", weight: 2 + 4 * (feature.properties?.busy ?? 0.2) }),
    onEachFeature: (feature, layer) => {
      if (feature.properties?.name)
        layer.bindTooltip(text(feature.properties.name), { permanent: true, direction: "center", className: "street" });
    },
  }).addTo(map);
}

function frame(map, base, placed) {
  const box = L.latLngBounds(placed.map((node) => [node.latitude, node.longitude]));
  if (base.getLayers().length) box.extend(base.getBounds());
  if (box.isValid()) map.fitBounds(box, { padding: [12, 12], maxZoom: 16 });
  else map.setView([52.1, 5.3], 7);
}

export function drawMap(element, geojson, nodes, choose) {
  const map = L.map(element, { attributionControl: false, zoomSnap: 0.25 });
  const draw = graticule(map);
  const base = streets(map, geojson);
  frame(map, base, nodes.filter((node) => node.latitude !== null && node.longitude !== null));
  draw();
  const label = () => element.classList.toggle("far", map.getZoom() < 15);
  map.on("zoomend", label);
  label();
  const markers = new Map();

  function show(current, chosen) {
    for (const node of current) {
      if (node.latitude === null || node.longitude === null) continue;
      let marker = markers.get(node.id);
      if (!marker) {
        marker = L.circleMarker([node.latitude, node.longitude], { radius: 8, color: "#fff", weight: 2, fillOpacity: 1 });
        marker.on("click", () => choose(node.id)).bindTooltip("").addTo(map);
        markers.set(node.id, marker);
      }
      const own = node.id === chosen;
      marker.setStyle({ fillColor: COLOURS[node.state], color: own ? "#fca311" : "#fff", weight: own ? 4 : 2 });
      marker.setTooltipContent(text(`${node.id} · ${node.site}: ${node.reason}`));
      if (own) marker.bringToFront();
      marker.getElement()?.setAttribute("data-node", node.id);
      marker.getElement()?.setAttribute("data-state", node.state);
    }
  }
  return { show };
}
