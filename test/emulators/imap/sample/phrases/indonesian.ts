import type { Phrasebook } from '../phrasebook.ts';

export const indonesian: Phrasebook = {
  language: 'id',
  people: [
    { name: 'Budi Santoso', address: 'budi.santoso@majujaya.example' },
    { name: 'Siti Rahmawati', address: 'siti@batik-rahma.example' },
    { name: 'Dewi Lestari', address: 'dewi.lestari@kopi-gayo.test' },
    { name: 'Agus Wibowo', address: 'agus.wibowo@example.com' },
  ],
  greet: (name) => `Yth. ${name},`,
  closings: ['Salam hormat,', 'Terima kasih,', 'Hormat kami,'],
  fillers: [
    'Mohon kabari kami jika ada yang kurang jelas.',
    'Kami siap membantu lewat telepon pada jam kerja.',
    'Dokumen asli menyusul lewat kurir minggu depan.',
    'Semoga kerja sama kita semakin lancar ke depannya.',
  ],
  topics: [
    {
      subject: 'Penawaran harga kopi Gayo – {n} kg',
      opening: [
        'Berikut kami sampaikan penawaran harga untuk {n} kg kopi Gayo panen terbaru.',
        'Harga sudah termasuk ongkos kirim sampai pelabuhan Belawan.',
      ],
      answers: [
        'Terima kasih atas penawarannya. Apakah ada potongan untuk pembelian rutin setiap bulan?',
        'Untuk kontrak enam bulan kami bisa memberi potongan lima persen.',
        'Baik, kami setuju. Mohon kirim draf kontraknya.',
      ],
      file: 'penawaran-{n}.pdf',
    },
    {
      subject: 'Konfirmasi pembayaran faktur {n}',
      opening: [
        'Pembayaran untuk faktur {n} sudah kami transfer pagi ini.',
        'Bukti transfer terlampir, mohon dicek dan dikonfirmasi.',
      ],
      answers: [
        'Pembayaran sudah kami terima dengan baik, terima kasih.',
        'Barang akan kami kirim besok pagi beserta surat jalannya.',
      ],
      file: 'bukti-{n}.png',
    },
    {
      subject: 'Jadwal rapat bulanan',
      opening: [
        'Rapat bulanan kita adakan hari Kamis pukul sembilan di kantor pusat.',
        'Agenda utama adalah target penjualan dan persiapan pameran di Surabaya.',
      ],
      answers: [
        'Siap hadir, saya akan membawa laporan dari cabang Bandung.',
        'Mohon maaf, hari Kamis saya di luar kota. Bolehkah ikut lewat video?',
        'Tentu boleh, tautannya saya kirim besok sore.',
      ],
    },
  ],
  quoteIntro: (name, day) => `Pada ${day}, ${name} menulis:`,
  replyPrefix: 'Re: ',
  charsets: ['utf-8', 'us-ascii'],
};
