import type { Phrasebook } from '../phrasebook.ts';

export const german: Phrasebook = {
  language: 'de',
  people: [
    { name: 'Jürgen Müller', address: 'j.mueller@mueller-soehne.example' },
    { name: 'Anke Schröder', address: 'anke.schroeder@buero-koeln.test' },
    { name: 'Weiß, Käthe', address: 'kaethe.weiss@gaertnerei-weiss.example' },
    { name: 'Sören Großmann', address: 'grossmann@example.net' },
  ],
  greet: (name) => `Guten Tag ${name},`,
  closings: ['Mit freundlichen Grüßen', 'Viele Grüße', 'Beste Grüße aus Köln'],
  fillers: [
    'Für Rückfragen bin ich bis 17 Uhr im Büro zu erreichen.',
    'Die übrigen Punkte bleiben, wie wir sie im September besprochen haben.',
    'Bitte geben Sie mir bis Mittwoch Bescheid, damit wir das Material bestellen können.',
    'Über die Feiertage sind wir nur eingeschränkt erreichbar.',
  ],
  topics: [
    {
      subject: 'Angebot Nr. {n} für die Fußbodenheizung',
      opening: [
        'anbei erhalten Sie unser Angebot Nr. {n} für die Fußbodenheizung im Erdgeschoss.',
        'Die Maße haben wir den Plänen entnommen; vor der Ausführung würden wir gern noch einmal nachmessen.',
      ],
      answers: [
        'vielen Dank für das ausführliche Angebot. Gewähren Sie bei Zahlung innerhalb von 14 Tagen Skonto?',
        'zwei Prozent Skonto sind möglich. Ich habe das Angebot entsprechend geändert.',
        'damit sind wir einverstanden, der Auftrag ist hiermit erteilt.',
      ],
      file: 'Angebot für Köln {n}.pdf',
    },
    {
      subject: 'Terminverschiebung: Abnahme am Dienstag',
      opening: [
        'leider fällt unser Prüfer am Dienstag aus. Können wir die Abnahme auf Donnerstag verschieben?',
        'Der Aufzug wäre dann ebenfalls schon in Betrieb, was die Sache erleichtert.',
      ],
      answers: [
        'Donnerstag passt uns gut, am liebsten vor zehn Uhr.',
        'notiert: Donnerstag, 8.30 Uhr, Treffpunkt am Haupteingang.',
      ],
    },
    {
      subject: 'Rechnung {n}: Umsatzsteuer',
      opening: [
        'auf der Rechnung {n} fehlt der Ausweis der Umsatzsteuer, so können wir sie nicht buchen.',
        'Bitte schicken Sie uns eine berichtigte Fassung an diese Adresse.',
      ],
      answers: [
        'entschuldigen Sie das Versehen. Die berichtigte Rechnung hängt an.',
        'danke, sie ist gebucht und wird am Freitag überwiesen.',
      ],
      file: 'Rechnung-{n}.csv',
    },
    {
      subject: 'Neue Ansprechpartnerin im Einkauf',
      opening: [
        'ab dem nächsten Ersten übernimmt Frau Schröder den Einkauf für alle Häuser.',
        'Laufende Vorgänge gehen automatisch an sie über, Sie müssen nichts weiter veranlassen.',
      ],
      answers: [
        'vielen Dank für die Nachricht, wir haben die Adresse bei uns hinterlegt.',
        'ich freue mich auf die Zusammenarbeit und melde mich nächste Woche telefonisch.',
      ],
    },
  ],
  quoteIntro: (name, day) => `Am ${day} schrieb ${name}:`,
  replyPrefix: 'AW: ',
  charsets: ['utf-8', 'iso-8859-1', 'iso-8859-1', 'utf-8'],
};
